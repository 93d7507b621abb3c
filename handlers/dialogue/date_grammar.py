"""The grammar of dates and times in the signs of `calendar_words`.

A text is read from left to right, piece by piece; what a piece can mean is kept open where only the whole
text tells ("12.10" is a date or a time).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dateutil.relativedelta import relativedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a piece of the text says; put together, what the whole text says.

    `clock` is (hour, minute) and `half` "AM" or "PM"; `on` is (year or None, month, day). `weekday` counts
    from Monday = 0 and `weeks` from this week or, without a weekday, from today; `ahead` leads from today to
    a day and `after` from now to a moment. None: not said. Nothing is checked against the calendar.
    """

    clock: tuple[int, int] | None = None
    half: str | None = None
    on: tuple[int | None, int, int] | None = None
    weekday: int | None = None
    weeks: int | None = None
    ahead: relativedelta | None = None
    after: timedelta | None = None


Alternatives = tuple[Reading, ...]
"""What a piece may say, the likeliest first."""

MAX_DOUBTFUL = 2
"""How many pieces may have two readings: one date and one time; more only multiply what is to be tried."""


def _soon(match: re.Match[str]) -> Alternatives:
    """Read "za 2 godziny 30 minut"."""
    hours = int(match["hours"] or 1) if match["hour"] else 0
    minutes = int(match["more"] or 0) if match["hour"] else int(match["minutes"] or 1)
    return (Reading(after=timedelta(hours=hours, minutes=minutes)),)


def _ahead(match: re.Match[str]) -> Alternatives:
    """Read "za 2 dni", "za tydzień", "za miesiąc"."""
    count = int(match["count"] or 1)
    if match["unit"] == "WEEKS":
        return (Reading(weeks=count),)
    days, months = (count, 0) if match["unit"] == "DAYS" else (0, count)
    return (Reading(ahead=relativedelta(days=days, months=months)),)


def _weekday_of(match: re.Match[str]) -> Alternatives:
    """Read "przyszły wtorek", "wtorek w przyszłym tygodniu", "w tym tygodniu we wtorek"."""
    return (Reading(weekday=int(match["weekday"]), weeks=1 if match["which"] == "NEXT" else 0),)


def _weekday(match: re.Match[str]) -> Alternatives:
    """Read "wtorek"."""
    return (Reading(weekday=int(match["weekday"])),)


def _today(match: re.Match[str]) -> Alternatives:
    """Read "dziś", "jutro", "pojutrze"."""
    return (Reading(ahead=relativedelta(days=int(match["days"]))),)


def _date(match: re.Match[str]) -> Alternatives:
    """Read a date with or without a year; two digits of a year are of this century."""
    year = match.groupdict().get("year")
    number = None if year is None else int(year) if len(year) > len("26") else 2000 + int(year)
    return (Reading(on=(number, int(match["month"]), int(match["day"]))),)


def _clock(match: re.Match[str]) -> Alternatives:
    """Read "17:00", "o 17", "godz. 17.30"."""
    return (Reading(clock=(int(match["hour"]), int(match.groupdict().get("minute") or 0))),)


def _dotted(match: re.Match[str]) -> Alternatives:
    """Read "12.10" or "12 10", which may be a date or a time."""
    first, second = int(match[1]), int(match[2])
    return Reading(on=(None, second, first)), Reading(clock=(first, second))


def _half(match: re.Match[str]) -> Alternatives:
    """Read "rano", "pm"."""
    return (Reading(half=match[0]),)


def _filler(_match: re.Match[str]) -> Alternatives:
    """Read a word that says nothing by itself."""
    return (Reading(),)


_YEAR = r"(?P<year>(?:19|2[0-9])[0-9]{2})"
_END = r"(?![0-9]|[.:/-][0-9])"
_NO_MONTH = r"(?! MON[0-9])"
_AT = r"(?:(?:AT|HOURS) )+"
_HOUR = r"(?P<hour>[0-9]{1,2})"
_DAY = r"(?P<day>[0-9]{1,2})"

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Alternatives]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"IN (?:(?P<hours>[0-9]{1,3}) )?(?P<hour>HOURS)(?: (?P<more>[0-9]{1,3}) MINUTES)?", _soon),
        (r"IN (?:(?P<minutes>[0-9]{1,4}) )?(?P<hour>)MINUTES", _soon),
        (r"IN (?:(?P<count>[0-9]{1,3}) )?(?P<unit>DAYS|WEEKS|MONTHS)", _ahead),
        (r"(?P<which>NEXT)(?: WEEKS)? WD(?P<weekday>[0-6])", _weekday_of),
        (r"(?P<which>THIS) WEEKS WD(?P<weekday>[0-6])", _weekday_of),
        (r"WD(?P<weekday>[0-6]) (?P<which>NEXT|THIS) WEEKS", _weekday_of),
        (r"WD(?P<weekday>[0-6])", _weekday),
        (r"DAY(?P<days>[0-2])", _today),
        (rf"(?P<year>[0-9]{{4}})([-./])(?P<month>[0-9]{{1,2}})\2{_DAY}{_END}", _date),
        (rf"{_DAY}([-./ ]) ?(?P<month>[0-9]{{1,2}})\2 ?(?P<year>[0-9]{{4}}|[0-9]{{2}}){_END}", _date),
        (rf"{_AT}{_HOUR}(?:[:. ](?P<minute>[0-9]{{2}}))?{_END}{_NO_MONTH}", _clock),
        (rf"{_AT}{_HOUR}{_END}{_NO_MONTH}", _clock),
        (rf"{_HOUR}:(?P<minute>[0-9]{{2}})(?::00)?{_END}", _clock),
        (rf"([0-9]{{1,2}})[. ]([0-9]{{2}}){_END}{_NO_MONTH}", _dotted),
        (rf"{_DAY}[./](?P<month>[0-9]{{1,2}}){_END}", _date),
        (rf"{_DAY}\.? ?MON(?P<month>[0-9]+)(?: {_YEAR}{_END})?", _date),
        (rf"MON(?P<month>[0-9]+) {_DAY}{_END}(?: {_YEAR}{_END})?", _date),
        (rf"{_HOUR}{_END}", _clock),
        (r"AM|PM", _half),
        (r"AT|HOURS|THIS", _filler),
    )
)
_BETWEEN = re.compile(r"[ .-]*")


def read(written: str) -> Sequence[Alternatives]:
    """Return the pieces of a text in signs, each with its possible readings; none if one makes no sense."""
    pieces: list[Alternatives] = []
    at = _skip(written, 0)
    while at < len(written):
        found = next(((m, reader) for rule, reader in _RULES if (m := rule.match(written, at))), None)
        if found is None:
            return ()
        match, reader = found
        pieces.append(reader(match))
        at = _skip(written, match.end())
    doubtful = sum(len(piece) > 1 for piece in pieces)
    return pieces if doubtful <= MAX_DOUBTFUL else ()


def _skip(written: str, at: int) -> int:
    """Return the place of the next sign: what stands between two of them means nothing."""
    while at < len(written) and written[at] in " .-":
        at += 1
    return at
