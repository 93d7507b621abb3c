"""Every kind of rule over years, beside a calendar that is walked through day by day.

In Warsaw the clocks go from 2:00 to 3:00 on the last Sunday of March and from 3:00 back to 2:00 on the last
Sunday of October: a time that is skipped comes as much later, one that comes twice is taken the first time.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.dialogue.recurrence import monthly, next_after, weekly

WARSAW = ZoneInfo("Europe/Warsaw")
MONDAY, TUESDAY, WEDNESDAY, FRIDAY, SUNDAY = 0, 1, 2, 4, 6
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

IsDay = Callable[[date, date], bool]
"""Says whether a rule that began on the second date has an occurrence on the first."""


def last_day(day: date) -> int:
    """Return the number of days in a month."""
    return monthrange(day.year, day.month)[1]


def months_since(day: date, first: date) -> int:
    """Return how many months lie between those of two dates."""
    return (day.year - first.year) * 12 + day.month - first.month


def is_last(day: date, weekday: int) -> bool:
    """Return whether a date is the last such day of its month."""
    return day.weekday() == weekday and day.day + 7 > last_day(day)


KINDS: dict[str, IsDay] = {
    "FREQ=DAILY": lambda _day, _first: True,
    "FREQ=DAILY;INTERVAL=3": lambda day, first: (day - first).days % 3 == 0,
    "weekly": lambda day, first: day.weekday() == first.weekday(),
    "FREQ=WEEKLY;INTERVAL=2": lambda day, first: (day - first).days % 14 == 0,
    "FREQ=WEEKLY;BYDAY=MO,WE": lambda day, _first: day.weekday() in {MONDAY, WEDNESDAY},
    "monthly": lambda day, first: day.day == min(first.day, last_day(day)),
    "FREQ=MONTHLY": lambda day, first: day.day == first.day,
    "FREQ=MONTHLY;BYMONTHDAY=31": lambda day, _first: day.day == 31,
    "FREQ=MONTHLY;BYMONTHDAY=-1": lambda day, _first: day.day == last_day(day),
    "FREQ=MONTHLY;BYDAY=-1FR": lambda day, _first: is_last(day, FRIDAY),
    "FREQ=MONTHLY;BYDAY=-1SU": lambda day, _first: is_last(day, SUNDAY),
    "FREQ=MONTHLY;BYDAY=2TU": lambda day, _first: day.weekday() == TUESDAY and 8 <= day.day <= 14,
    "FREQ=MONTHLY;BYDAY=5MO": lambda day, _first: day.weekday() == MONDAY and day.day > 28,
    "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR": lambda day, first: (
        is_last(day, FRIDAY) and months_since(day, first) % 2 == 0
    ),
    "FREQ=YEARLY": lambda day, first: (day.month, day.day) == (first.month, first.day),
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29": lambda day, _first: (day.month, day.day) == (2, 29),
    "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU": lambda day, _first: day.month == 10 and is_last(day, SUNDAY),
}


def rule_of(kind: str, first: datetime) -> str:
    """Return the rule of a kind: the two that people choose depend on the first time."""
    return {"weekly": weekly(first), "monthly": monthly(first)}.get(kind, kind)


def in_utc(day: date, at: time) -> datetime:
    """Return when it is a time of day in Warsaw, reckoned without its time zone's table (since 1996)."""
    local = datetime.combine(day, at)
    summer, winter = [datetime.combine(last_sunday(day.year, month), time(3)) for month in (3, 10)]
    return (local - (2 if summer <= local < winter else 1) * HOUR).replace(tzinfo=UTC)


def last_sunday(year: int, month: int) -> date:
    """Return the last Sunday of a month with 31 days."""
    last = date(year, month, 31)
    return last - (last.weekday() + 1) % 7 * DAY


def walk(kind: str, first: datetime) -> Iterator[datetime]:
    """Find the occurrences of a rule by looking at one day after the other."""
    day = first.date()
    while True:
        if KINDS[kind](day, first.date()):
            yield in_utc(day, first.time())
        day += DAY


def occurrences(kind: str, first: datetime) -> Iterator[datetime]:
    """Find the occurrences of a rule as the clock does, from one to the next."""
    after = first.replace(tzinfo=UTC) - DAY
    while (found := next_after(rule_of(kind, first), first, WARSAW, after)) is not None:
        yield found
        after = found


FIRSTS = ("2023-10-29 02:30", "2024-02-29 02:30", "2024-03-31 02:30", "2025-08-31 09:00", "2026-01-30 00:00")


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_occurrence_of_six_years_comes_once(kind: str, first: str) -> None:
    begun, end = datetime.fromisoformat(first), datetime(2030, 1, 1, tzinfo=UTC)
    found = list(takewhile(lambda moment: moment < end, occurrences(kind, begun)))
    assert found == list(takewhile(lambda moment: moment < end, walk(kind, begun)))
    assert len({moment.astimezone(WARSAW).date() for moment in found}) == len(found) > 0


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(KINDS)),
    st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")),
    st.timedeltas(timedelta(0), timedelta(days=2_000)),
)
def test_the_next_one_is_what_the_calendar_says(kind: str, first: datetime, age: timedelta) -> None:
    first = first.replace(second=0, microsecond=0)
    after = (first + age).replace(tzinfo=UTC)
    upcoming = next(moment for moment in walk(kind, first) if moment > after)
    assert next_after(rule_of(kind, first), first, WARSAW, after) == upcoming


SPRING, AUTUMN = "2027-03-28", "2026-10-25"

ON_BOTH = (
    ("FREQ=DAILY", "2026-10-01", "2026-10-01"),
    ("FREQ=DAILY;INTERVAL=3", "2027-03-22", "2026-10-19"),
    ("weekly", "2027-03-07", "2026-10-04"),
    ("FREQ=WEEKLY;INTERVAL=2", "2027-03-14", "2026-10-11"),
    ("FREQ=WEEKLY;BYDAY=FR,SU", "2027-03-05", "2026-10-02"),
    ("monthly", "2027-01-28", "2026-08-25"),
    ("FREQ=MONTHLY", "2027-01-28", "2026-08-25"),
    ("FREQ=MONTHLY;BYDAY=-1SU", "2026-01-25", "2026-01-25"),
    ("FREQ=MONTHLY;BYDAY=4SU", "2026-01-25", "2026-01-25"),
    ("FREQ=YEARLY", "2021-03-28", "2020-10-25"),
    ("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "2020-03-29", "2020-03-29"),
)
"""Kinds of rules, and when one begins that has an occurrence in spring's night and in autumn's."""


@pytest.mark.parametrize(
    "night",
    [
        (SPRING, "01:59", "2027-03-28 00:59"),
        (SPRING, "02:00", "2027-03-28 01:00"),  # 3:00 in summer time
        (SPRING, "02:30", "2027-03-28 01:30"),
        (SPRING, "02:59", "2027-03-28 01:59"),
        (SPRING, "03:00", "2027-03-28 01:00"),
        (AUTUMN, "01:59", "2026-10-24 23:59"),
        (AUTUMN, "02:00", "2026-10-25 00:00"),  # still summer time
        (AUTUMN, "02:30", "2026-10-25 00:30"),
        (AUTUMN, "02:59", "2026-10-25 00:59"),
        (AUTUMN, "03:00", "2026-10-25 02:00"),
    ],
)
@pytest.mark.parametrize("rule", ON_BOTH)
def test_the_nights_in_which_the_clocks_change(
    rule: tuple[str, str, str], night: tuple[str, str, str]
) -> None:
    (kind, in_spring, in_autumn), (day, at, expected) = rule, night
    first = datetime.fromisoformat(f"{in_spring if day == SPRING else in_autumn} {at}")
    noon_before = (datetime.fromisoformat(f"{day} 12:00") - DAY).replace(tzinfo=UTC)
    found = next_after(rule_of(kind, first), first, WARSAW, noon_before)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    following = next_after(rule_of(kind, first), first, WARSAW, found)
    assert following is not None
    assert following.astimezone(WARSAW).date() > datetime.fromisoformat(day).date()
