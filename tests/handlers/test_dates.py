"""Dates as people type them and as a clerk says them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from handlers.dialogue import calendar_words
from handlers.dialogue.dates import (
    MAX_YEARS,
    DateError,
    DateProblem,
    explain,
    parse_when,
    resolve,
    say_day,
    say_moment,
    say_soon,
    say_time,
)
from handlers.dialogue.texts import Texts

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=WARSAW)  # a Monday
PL, EN = Texts("pl", WARSAW), Texts("en", WARSAW)

UNDERSTOOD = """
wtorek 17:00                              | 2026-11-24 17:00
we wtorek o 17                            | 2026-11-24 17:00
We Wtorek O 17.00                         | 2026-11-24 17:00
WTOREK, GODZ. 17                          | 2026-11-24 17:00
wtorek o godz.17:00                       | 2026-11-24 17:00
wtorek 17 30                              | 2026-11-24 17:30
wtorek o 17 30                            | 2026-11-24 17:30
17.30 we wtorek                           | 2026-11-24 17:30
w poniedziałek o 9                        | 2026-11-30 09:00
poniedziałek 21                           | 2026-11-23 21:00
poniedziałek 20:00                        | 2026-11-30 20:00
ten wtorek 9                              | 2026-11-24 09:00
w najbliższą środę o 12                   | 2026-11-25 12:00
w przyszły wtorek 17.30                   | 2026-12-01 17:30
w następną środę o 14.00                  | 2026-12-02 14:00
wtorek w przyszłym tygodniu 9             | 2026-12-01 09:00
w tym tygodniu w piątek o 9               | 2026-11-27 09:00
12.12 o 9                                 | 2026-12-12 09:00
12.12 17.30                               | 2026-12-12 17:30
17.30 12.12                               | 2026-12-12 17:30
12 12 17:00                               | 2026-12-12 17:00
9.1 9.10                                  | 2027-01-09 09:10
12.12.2026 9:00                           | 2026-12-12 09:00
12.12.26 9:00                             | 2026-12-12 09:00
12. 12. 2026, godz. 9                     | 2026-12-12 09:00
12-12-2026 9:00:00                        | 2026-12-12 09:00
12 12 2026 9:00                           | 2026-12-12 09:00
12 grudnia godz. 9                        | 2026-12-12 09:00
12 grudnia 2026 r. o godzinie 9.30        | 2026-12-12 09:30
12 grudnia 2026r. godz.9:30               | 2026-12-12 09:30
12 grudnia 9 30                           | 2026-12-12 09:30
12-go grudnia o 17-tej                    | 2026-12-12 17:00
o 17 12 grudnia                           | 2026-12-12 17:00
12 XII 2026 9:00                          | 2026-12-12 09:00
12.XII o 9                                | 2026-12-12 09:00
12 gru 9:00                               | 2026-12-12 09:00
wtorek 1.12 17.30                         | 2026-12-01 17:30
wtorek 12.12                              | 2026-11-24 12:12
wtorek, 1 grudnia, 17:00                  | 2026-12-01 17:00
15 stycznia 9:00                          | 2027-01-15 09:00
22.11 17:00                               | 2027-11-22 17:00
29 lutego 9:00                            | 2028-02-29 09:00
jutro 10                                  | 2026-11-24 10:00
jutro o 17:00.                            | 2026-11-24 17:00
jutro 9.10                                | 2026-11-24 09:10
jutro 17:00 🙂                            | 2026-11-24 17:00
jutro po południu o 5                     | 2026-11-24 17:00
jutro o 8 rano                            | 2026-11-24 08:00
jutro o piątej po południu                | 2026-11-24 17:00
jutro o siedemnastej trzydzieści          | 2026-11-24 17:30
pojutrze o 8:15                           | 2026-11-25 08:15
dziś 21:00                                | 2026-11-23 21:00
dzisiaj o 21                              | 2026-11-23 21:00
za tydzień 9:00                           | 2026-11-30 09:00
za tydzień we wtorek o 9                  | 2026-12-01 09:00
za 2 dni 9:00                             | 2026-11-25 09:00
za miesiąc 9:00                           | 2026-12-23 09:00
za 2 godziny                              | 2026-11-23 22:00
za dwie godziny                           | 2026-11-23 22:00
za 2 godz. 30 min                         | 2026-11-23 22:30
za godzinę                                | 2026-11-23 21:00
za pół godziny                            | 2026-11-23 20:30
za 30 minut                               | 2026-11-23 20:30
sobota w południe                         | 2026-11-28 12:00
o siedemnastej                            | 2026-11-24 17:00
17                                        | 2026-11-24 17:00
21                                        | 2026-11-23 21:00
17.30                                     | 2026-11-24 17:30
o 9.10                                    | 2026-11-24 09:10
pon 9                                     | 2026-11-30 09:00
wt. 9.30                                  | 2026-11-24 09:30
śr 12                                     | 2026-11-25 12:00
sroda 12                                  | 2026-11-25 12:00
czw 8                                     | 2026-11-26 08:00
pt 10                                     | 2026-11-27 10:00
sob 11                                    | 2026-11-28 11:00
nd 12                                     | 2026-11-29 12:00
wotrek 17:00                              | 2026-11-24 17:00
ponidziałek 9                             | 2026-11-30 09:00
2026-12-01 17:00                          | 2026-12-01 17:00
2026-12-01T17:00                          | 2026-12-01 17:00
1/12 5pm                                  | 2026-12-01 17:00
Tuesday 5 pm                              | 2026-11-24 17:00
5 p.m. tomorrow                           | 2026-11-24 17:00
next Friday at 9                          | 2026-12-04 09:00
Dec 12 at 9am                             | 2026-12-12 09:00
December 1st, 2026 5:30 PM                | 2026-12-01 17:30
12th of December 9:00                     | 2026-12-12 09:00
tomorrow noon                             | 2026-11-24 12:00
tomorrow at ten                           | 2026-11-24 10:00
12am tomorrow                             | 2026-11-24 00:00
12 pm tomorrow                            | 2026-11-24 12:00
day after tomorrow 9am                    | 2026-11-25 09:00
tonight at 9                              | 2026-11-23 21:00
mon 9                                     | 2026-11-30 09:00
in an hour                                | 2026-11-23 21:00
in 2 hours                                | 2026-11-23 22:00
in half an hour                           | 2026-11-23 20:30
in ten minutes                            | 2026-11-23 20:10
"""

REFUSED = """
NOT_UNDERSTOOD |
NOT_UNDERSTOOD | bla
NOT_UNDERSTOOD | kiedyś
NOT_UNDERSTOOD | 🙂
NOT_UNDERSTOOD | grudzień
NOT_UNDERSTOOD | rano
NOT_UNDERSTOOD | o
NOT_UNDERSTOOD | вторник 17:00
NOT_UNDERSTOOD | wtorek 17:00-19:00
NOT_UNDERSTOOD | wtorek od 17 do 19
NOT_UNDERSTOOD | wtorek środa 9:00
NOT_UNDERSTOOD | 12 i 13
NOT_UNDERSTOOD | jutro 1 grudnia 9:00
NOT_UNDERSTOOD | za godzinę 17:00
NOT_UNDERSTOOD | za 99999 dni 9:00
NOT_UNDERSTOOD | 1.1 2.2 3.3
NOT_UNDERSTOOD | /start
NOT_UNDERSTOOD | <b>jutro 17:00</b>
NO_SUCH_DATE   | 30 lutego
NO_SUCH_DATE   | 30 lutego 9:00
NO_SUCH_DATE   | February 30 at 9
NO_SUCH_DATE   | 31.11
NO_SUCH_DATE   | 31.11 17:00
NO_SUCH_DATE   | 29.02.2027 9:00
NO_SUCH_DATE   | 1.13.2026 9:00
NO_SUCH_DATE   | 0.12 9:00
NO_SUCH_DATE   | 25:00
NO_SUCH_DATE   | jutro 25:00
NO_SUCH_DATE   | jutro 9:60
NO_SUCH_DATE   | jutro 17 rano
NO_SUCH_DATE   | poniedziałek 1.12 9:00
NO_SUCH_DATE   | jutro środa 9:00
IN_THE_PAST    | dziś 18:00
IN_THE_PAST    | dzisiaj o 18
IN_THE_PAST    | 23.11 17:00
IN_THE_PAST    | 12.12.2020 9:00
IN_THE_PAST    | 12.12.2020
IN_THE_PAST    | 1.1.0001 0:00
IN_THE_PAST    | za 0 minut
TIME_MISSING   | wtorek
TIME_MISSING   | 12.12
TIME_MISSING   | wtorek 1.12
TIME_MISSING   | 12 grudnia 2026
TIME_MISSING   | jutro
TIME_MISSING   | jutro rano
TIME_MISSING   | za tydzień
TOO_FAR        | 24.11.2028 9:00
TOO_FAR        | 12.12.2030
TOO_FAR        | 31.12.9999 23:59
TOO_FAR        | za 999 miesięcy 9:00
"""


def table(text: str) -> list[tuple[str, str]]:
    return [
        (left.strip(), right.strip()) for left, right in (row.split("|") for row in text.strip().split("\n"))
    ]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def warsaw(text: str) -> datetime:
    return local(text).replace(tzinfo=WARSAW)


def refusal(text: str, now: datetime = NOW) -> DateProblem | None:
    try:
        parse_when(text, now, WARSAW)
    except DateError as error:
        return error.kind
    return None


@pytest.mark.parametrize(("typed", "meant"), table(UNDERSTOOD))
def test_what_people_type_is_understood(typed: str, meant: str) -> None:
    understood = parse_when(typed, NOW, WARSAW)
    assert understood == warsaw(meant)
    assert understood.tzinfo is UTC


@pytest.mark.parametrize(("kind", "typed"), table(REFUSED))
def test_what_is_no_date_is_refused_with_the_reason(kind: str, typed: str) -> None:
    assert refusal(typed) is DateProblem[kind]


def test_two_years_ahead_is_the_limit() -> None:
    assert parse_when("23.11.2028 9:00", NOW, WARSAW) == warsaw("2028-11-23 09:00")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("28.03.2027 1:59", "2027-03-28T00:59Z"),
        ("28.03.2027 2:00", "2027-03-28T01:00Z"),  # skipped: 3:00 in summer time
        ("28.03.2027 2:30", "2027-03-28T01:30Z"),
        ("28.03.2027 3:00", "2027-03-28T01:00Z"),
        ("25.10.2026 1:59", "2026-10-24T23:59Z"),
        ("25.10.2026 2:30", "2026-10-25T00:30Z"),  # comes twice: the first
        ("25.10.2026 3:00", "2026-10-25T02:00Z"),
    ],
)
def test_when_the_clocks_change(typed: str, meant: str) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    assert parse_when(typed, now, WARSAW) == datetime.fromisoformat(meant)


def test_a_skipped_time_is_said_as_the_later_one() -> None:
    moment = resolve(local("2027-03-28 02:30"), WARSAW)
    assert say_time(moment, PL) == "3:30"
    assert moment.astimezone(WARSAW).isoformat() == "2027-03-28T03:30:00+02:00"


def test_resolve_takes_the_first_of_two_whatever_the_fold() -> None:
    twice = local("2026-10-25 02:30")
    assert (
        resolve(twice, WARSAW)
        == resolve(twice.replace(fold=1), WARSAW)
        == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    )


def test_hours_pass_evenly_over_a_clock_change() -> None:
    now = datetime(2026, 10, 25, 1, 30, tzinfo=WARSAW)
    assert parse_when("za 2 godziny", now, WARSAW) - now.astimezone(UTC) == timedelta(hours=2)


def test_a_time_whose_first_passing_is_over_means_the_next_day() -> None:
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 2:45 for the first time
    assert parse_when("2:30", between, WARSAW) == warsaw("2026-10-26 02:30")


@pytest.mark.parametrize(
    ("moment", "polish", "english"),
    [
        ("2026-12-01 17:00", "wtorek 1 grudnia, 17:00", "Tuesday 1 December, 17:00"),
        ("2026-11-25 09:05", "środa 25 listopada, 9:05", "Wednesday 25 November, 9:05"),
        ("2027-01-05 00:00", "wtorek 5 stycznia 2027, 0:00", "Tuesday 5 January 2027, 0:00"),
        ("2026-01-15 09:00", "czwartek 15 stycznia 2026, 9:00", "Thursday 15 January 2026, 9:00"),
    ],
)
def test_a_moment_is_said_in_full(moment: str, polish: str, english: str) -> None:
    assert say_moment(warsaw(moment), NOW, PL) == polish
    assert say_moment(warsaw(moment), NOW, EN) == english
    assert say_day(warsaw(moment), NOW, PL) == polish.split(",", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-23 23:59", "today, 23:59"),
        ("2026-11-24 00:00", "tomorrow, 0:00"),
        ("2026-11-25 00:00", "Wednesday 25 November, 0:00"),
        ("2026-11-22 17:00", "Sunday 22 November, 17:00"),
    ],
)
def test_a_moment_that_is_soon_is_said_shortly(moment: str, said: str) -> None:
    assert say_soon(warsaw(moment).astimezone(UTC), NOW, EN) == said


def test_soon_in_polish() -> None:
    assert say_soon(warsaw("2026-11-23 21:00"), NOW, PL) == "dziś, 21:00"
    assert say_soon(warsaw("2026-11-24 17:00"), NOW, PL) == "jutro, 17:00"
    assert say_soon(warsaw("2026-12-01 17:00"), NOW, PL) == "wtorek 1 grudnia, 17:00"


def test_every_problem_is_explained_with_an_example() -> None:
    sentences = {explain(DateError(kind)) for kind in DateProblem}
    assert len(sentences) == len(DateProblem)
    for sentence in sentences:
        assert "for example: " in sentence
        assert refusal(sentence.split("for example: ")[1]) is None


def test_no_word_has_two_meanings() -> None:
    words = " ".join(row for _, row in calendar_words._rows()).split()
    assert len(words) == len(set(words))


moments = st.datetimes(min_value=local("2020-01-01"), max_value=local("2060-01-01"))
FRAGMENTS = (
    "12.12 17:00 17.30 9 31 2.30 29.02 2026 2027 :00 . - / 12/ 1.1.0001 31.12.9999 999 ½ ² ١٢ ł \u200b"
)
WORDS = " ".join(row for _, row in calendar_words._rows())
pieces = st.sampled_from(f"{WORDS} {FRAGMENTS}".split())
typed_texts = st.one_of(st.text(max_size=250), st.lists(pieces, max_size=8).map(" ".join))


@settings(deadline=None)
@given(typed_texts, moments)
@example("9.9 " * 50, local("2026-11-23"))
@example("١٢:٠٠", local("2026-11-23"))
def test_any_text_is_a_future_moment_or_refused(text: str, now: datetime) -> None:
    at = resolve(now, WARSAW)
    try:
        moment = parse_when(text, at, WARSAW)
    except DateError as error:
        event(error.kind.name)
    else:
        assert moment > at
        assert moment.tzinfo is UTC
        assert moment.astimezone(WARSAW).year <= at.astimezone(WARSAW).year + MAX_YEARS + 1


@pytest.mark.parametrize("piece", ["9", "9.9 ", "wtorek ", "\u0301", " ", "ﷺ", "🙂", "za "])
def test_a_huge_text_is_refused_at_once(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert refusal(text) is DateProblem.NOT_UNDERSTOOD
    assert refusal(text[:200]) is not None


@settings(deadline=None)
@given(
    moments,
    st.integers(1, 729 * 24 * 60),
    st.sampled_from(["{d}.{m}.{y} {H}:{M:02}", "{d:02}.{m:02}.{y}, {H}.{M:02}"]),
)
def test_a_short_date_is_read_back(now: datetime, minutes: int, form: str) -> None:
    at = resolve(now, WARSAW)
    moment = (at + timedelta(minutes=minutes + 60)).replace(second=0, microsecond=0).astimezone(WARSAW)
    text = form.format(d=moment.day, m=moment.month, y=moment.year, H=moment.hour, M=moment.minute)
    assert resolve(parse_when(text, at, WARSAW).astimezone(WARSAW).replace(tzinfo=None), WARSAW) == resolve(
        moment.replace(tzinfo=None), WARSAW
    )


@settings(deadline=None)
@given(moments, st.integers(1, 729 * 24 * 60), st.sampled_from([PL, EN]))
def test_what_is_said_is_read_back(now: datetime, minutes: int, t: Texts) -> None:
    at = resolve(now, WARSAW)
    # An hour more, because the second passing of an hour in autumn is read as the first.
    moment = (at + timedelta(minutes=minutes + 60)).replace(second=0, microsecond=0)
    local = moment.astimezone(WARSAW).replace(tzinfo=None)
    assert parse_when(say_moment(moment, at, t), at, WARSAW) == resolve(local, WARSAW)
