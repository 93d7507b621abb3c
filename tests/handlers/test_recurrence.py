"""Recurring rules: months of every length, leap years and both changes of the clocks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.dialogue.recurrence import describe, monthly, next_after, weekly
from handlers.dialogue.texts import Texts

WARSAW = ZoneInfo("Europe/Warsaw")
PL, EN = Texts("pl", WARSAW), Texts("en", WARSAW)

LAST_FRIDAY = "FREQ=MONTHLY;BYDAY=-1FR"
LEAP_DAY = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"
END_OF_FEBRUARY = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def series(rule: str, first: datetime, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    for _ in range(count):
        upcoming = next_after(rule, first, WARSAW, found[-1] if found else after)
        assert upcoming is not None
        found.append(upcoming)
    return found


def said(moments: list[datetime]) -> str:
    return ", ".join(f"{moment.astimezone(WARSAW):%y-%m-%d %H:%M}" for moment in moments)


@pytest.mark.parametrize(
    ("rule", "first", "after", "expected"),
    [
        (
            weekly(local("2026-12-01 09:00")),
            "2026-12-01 09:00",
            "2026-11-23",
            "26-12-01 09:00, 26-12-08 09:00",
        ),
        (
            weekly(local("2020-01-07 09:00")),
            "2020-01-07 09:00",
            "2026-11-23",
            "26-11-24 09:00, 26-12-01 09:00",
        ),
        ("FREQ=WEEKLY;INTERVAL=2", "2026-11-24 09:00", "2027-11-22", "27-11-23 09:00, 27-12-07 09:00"),
        ("FREQ=WEEKLY;BYDAY=MO,WE", "2020-01-01 09:00", "2026-11-23T09:00", "26-11-25 09:00, 26-11-30 09:00"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
            "2026-11-25 09:00",
            "2026-11-23",
            "26-11-29 09:00, 26-12-07 09:00",
        ),
        ("FREQ=DAILY", "2026-02-28 09:00", "2026-02-28T12:00", "26-03-01 09:00, 26-03-02 09:00"),
        (
            monthly(local("2020-01-15 09:00")),
            "2020-01-15 09:00",
            "2026-11-23",
            "26-12-15 09:00, 27-01-15 09:00",
        ),
        (
            monthly(local("2027-01-28 09:00")),
            "2027-01-28 09:00",
            "2027-02-01",
            "27-02-28 09:00, 27-03-28 09:00",
        ),
        (
            monthly(local("2027-01-29 09:00")),
            "2027-01-29 09:00",
            "2027-02-01",
            "27-02-28 09:00, 27-03-29 09:00",
        ),
        (
            monthly(local("2027-01-30 09:00")),
            "2027-01-30 09:00",
            "2028-02-01",
            "28-02-29 09:00, 28-03-30 09:00",
        ),
        (
            monthly(local("2026-12-31 09:00")),
            "2026-12-31 09:00",
            "2027-02-01",
            "27-02-28 09:00, 27-03-31 09:00",
        ),
        (
            monthly(local("2026-12-31 09:00")),
            "2026-12-31 09:00",
            "2027-04-01",
            "27-04-30 09:00, 27-05-31 09:00",
        ),
        ("FREQ=MONTHLY", "2026-12-31 09:00", "2027-02-01", "27-03-31 09:00, 27-05-31 09:00"),
        (
            "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1",
            "2020-02-01 09:00",
            "2026-11-23",
            "27-02-01 09:00, 27-05-01 09:00",
        ),
        (LAST_FRIDAY, "2026-11-27 09:00", "2026-11-23", "26-11-27 09:00, 26-12-25 09:00"),
        (LAST_FRIDAY, "2020-01-31 09:00", "2027-01-29T12:00", "27-02-26 09:00, 27-03-26 09:00"),
        ("FREQ=MONTHLY;BYDAY=2TU", "2020-01-14 17:00", "2026-11-23", "26-12-08 17:00, 27-01-12 17:00"),
        ("FREQ=MONTHLY;BYDAY=5MO", "2020-03-30 17:00", "2026-11-23", "26-11-30 17:00, 27-03-29 17:00"),
        ("FREQ=YEARLY", "2020-11-23 09:00", "2026-11-23T12:00", "27-11-23 09:00, 28-11-23 09:00"),
        (
            "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
            "2020-10-25 09:00",
            "2026-11-23",
            "27-10-31 09:00, 28-10-29 09:00",
        ),
        (LEAP_DAY, "2024-02-29 09:00", "2024-03-01", "28-02-29 09:00, 32-02-29 09:00"),
        (END_OF_FEBRUARY, "2024-02-29 09:00", "2026-11-23", "27-02-28 09:00, 28-02-29 09:00"),
    ],
)
def test_the_next_two(rule: str, first: str, after: str, expected: str) -> None:
    begun = local(after).replace(tzinfo=WARSAW).astimezone(UTC)
    assert said(series(rule, local(first), begun, 2)) == expected


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        (weekly(local("2027-03-07 02:30")), "2027-03-07 02:30"),
        (monthly(local("2027-02-28 02:30")), "2027-02-28 02:30"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "2020-03-29 02:30"),
        ("FREQ=MONTHLY;BYDAY=-1SU", "2020-01-26 02:30"),
        ("FREQ=DAILY", "2020-01-01 02:30"),
    ],
)
def test_a_time_skipped_in_spring_is_later_that_day_only(rule: str, first: str) -> None:
    eve = datetime(2027, 3, 27, 12, tzinfo=UTC)
    skipped, following = series(rule, local(first), eve, 2)
    assert skipped == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # 3:30 in summer time
    assert following.astimezone(WARSAW).strftime("%H:%M") in {"02:30", "03:30"}
    assert following - skipped > timedelta(hours=22)


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        (weekly(local("2026-10-04 02:30")), "2026-10-04 02:30"),
        (monthly(local("2026-09-25 02:30")), "2026-09-25 02:30"),
        ("FREQ=YEARLY", "2020-10-25 02:30"),
        ("FREQ=MONTHLY;BYDAY=-1SU", "2020-01-26 02:30"),
        ("FREQ=DAILY", "2020-01-01 02:30"),
    ],
)
def test_a_time_that_comes_twice_in_autumn_is_taken_once(rule: str, first: str) -> None:
    eve = datetime(2026, 10, 24, 12, tzinfo=UTC)
    once, following = series(rule, local(first), eve, 2)
    assert once == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # still summer time
    assert following.astimezone(WARSAW).date() > once.astimezone(WARSAW).date()


def test_nine_stays_nine_over_both_changes() -> None:
    first = local("2026-10-20 09:00")
    hours = {
        m.astimezone(WARSAW).hour for m in series(weekly(first), first, datetime(2026, 10, 1, tzinfo=UTC), 30)
    }
    assert hours == {9}


def test_nothing_comes_before_the_first() -> None:
    first = local("2026-12-01 09:00")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for rule in (weekly(first), monthly(first), "FREQ=DAILY", "FREQ=YEARLY"):
        assert next_after(rule, first, WARSAW, long_ago) == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTHDAY=40"])
def test_a_day_that_never_comes_has_no_next(rule: str) -> None:
    assert next_after(rule, local("2026-01-01 09:00"), WARSAW, datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "co wtorek",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=9,17",
        "FREQ=DAILY;COUNT=3",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=MONTHLY;BYMONTHDAY=",
        "FREQ=MONTHLY;BYDAY=TU\nRDATE:20261201",
    ],
)
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        next_after(rule, local("2026-12-01 09:00"), WARSAW, datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "rule"),
    [
        ("2026-12-01 09:00", "FREQ=MONTHLY;BYMONTHDAY=1"),
        ("2026-12-28 09:00", "FREQ=MONTHLY;BYMONTHDAY=28"),
        ("2026-12-29 09:00", "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1"),
        ("2026-12-30 09:00", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
        ("2026-12-31 09:00", "FREQ=MONTHLY;BYMONTHDAY=-1"),
    ],
)
def test_the_monthly_rule(first: str, rule: str) -> None:
    assert monthly(local(first)) == rule


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-11-30", "co tydzień w poniedziałek o 9:00"),
        ("2026-12-01", "co tydzień we wtorek o 9:00"),
        ("2026-12-02", "co tydzień w środę o 9:00"),
        ("2026-12-03", "co tydzień w czwartek o 9:00"),
        ("2026-12-04", "co tydzień w piątek o 9:00"),
        ("2026-12-05", "co tydzień w sobotę o 9:00"),
        ("2026-12-06", "co tydzień w niedzielę o 9:00"),
    ],
)
def test_a_weekly_rule_is_said_in_polish(day: str, said: str) -> None:
    first = local(f"{day} 09:00")
    assert describe(weekly(first), first, PL) == said


def test_a_rule_is_said_alike_from_any_occurrence() -> None:
    in_february = local("2027-02-28 09:00")
    for day in ("2026-12-29 09:00", "2026-12-30 09:00", "2026-12-31 09:00"):
        rule = monthly(local(day))
        assert describe(rule, in_february, EN) == describe(rule, local(day), EN) != "repeatedly, at 9:00"


def test_a_monthly_rule_is_said_in_polish() -> None:
    fifteenth, last = local("2026-12-15 09:00"), local("2026-12-31 09:00")
    assert describe(monthly(fifteenth), fifteenth, PL) == "co miesiąc 15. dnia o 9:00"
    assert describe(monthly(last), last, PL) == "co miesiąc ostatniego dnia o 9:00"


def test_a_rule_is_said() -> None:
    first = local("2026-12-01 09:00")
    assert describe(weekly(first), first, EN) == "every week on Tuesday at 9:00"
    assert describe(monthly(first), first, EN) == "every month on day 1 at 9:00"
    assert describe(LAST_FRIDAY, first, EN) == "repeatedly, at 9:00"
    thirtieth, last = local("2026-12-30 17:05"), local("2026-12-31 17:05")
    assert (
        describe(monthly(thirtieth), thirtieth, EN)
        == "every month on day 30 (in shorter months on the last day) at 17:05"
    )
    assert describe(monthly(last), last, EN) == "every month on the last day at 17:05"


OTHERS = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    LAST_FRIDAY,
    "FREQ=MONTHLY;INTERVAL=2;BYDAY=2TU",
    "FREQ=YEARLY",
)
firsts = st.datetimes(min_value=local("2020-01-01"), max_value=local("2030-01-01"))


@settings(deadline=None)
@given(
    firsts, st.timedeltas(timedelta(0), timedelta(days=4000)), st.sampled_from(["weekly", "monthly", *OTHERS])
)
def test_occurrences_follow_each_other_one_a_day(first: datetime, age: timedelta, kind: str) -> None:
    rule = {"weekly": weekly(first), "monthly": monthly(first)}.get(kind, kind)
    after = (first + age).replace(tzinfo=UTC)
    found = series(rule, first, after, 5)
    assert found[0] > after
    assert all(earlier < later for earlier, later in pairwise(found))
    assert len({moment.astimezone(WARSAW).date() for moment in found}) == len(found)
    # The short cut over past years finds what going step by step finds.
    step = next_after(rule, first, WARSAW, after - timedelta(days=400))
    while step is not None and step <= after:
        step = next_after(rule, first, WARSAW, step)
    assert step == found[0]
