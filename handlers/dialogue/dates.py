"""Dates and times as people type them and as a clerk says them, in Polish and English.

What is typed is understood in the city's time zone and returned as an aware UTC time. Both languages are
understood at once, whatever language the person reads. Days come before months ("1/12" is 1 December).
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from handlers.dialogue.calendar_words import signs
from handlers.dialogue.date_grammar import Reading, read
from handlers.dialogue.texts import N_, Texts

MAX_LENGTH = 200
"""How many characters a typed date may take; what is longer is not read at all."""

MAX_YEARS = 2
"""How many years ahead a date may lie: what is farther is most likely a slip of the finger."""

_YEAR_SAID_AFTER = timedelta(days=300)

_MINUTE = 60  # seconds
_HOUR = 60  # minutes
_ROUNDED = 5


class DateProblem(Enum):
    """Why a typed date cannot be used; the value is what to tell the person, an English message id."""

    NOT_UNDERSTOOD = N_(
        "I do not understand this date. Write the day and the time, for example: Tuesday 17:00."
    )
    NO_SUCH_DATE = N_(
        "There is no such day or hour in the calendar. Write the day and the time, for example: 12.12 17:00."
    )
    IN_THE_PAST = N_("This time has already passed. Write a later one, for example: tomorrow 17:00.")
    TIME_MISSING = N_(
        "The time is missing. Write the day together with the time, for example: Tuesday 17:00."
    )
    TOO_FAR = N_("This is more than two years ahead. Write an earlier date, for example: 12.12 17:00.")


class DateError(ValueError):
    """A typed date that cannot be used; `kind` tells why."""

    def __init__(self, kind: DateProblem) -> None:
        """Take the reason."""
        super().__init__(kind.name)
        self.kind = kind


def explain(error: DateError) -> str:
    """Return the English message id of the sentence that says what is wrong and what to write instead."""
    return error.kind.value


def resolve(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the aware UTC time of a naive wall-clock time.

    A wall-clock time that is skipped in spring means as much later as the clock is moved, and one that comes
    twice in autumn means the first (RFC 5545, 3.3.5).
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def parse_when(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment that a person typed, as an aware UTC time later than `now` (aware).

    A weekday is its next coming day, "next" one that of the next calendar week; a date without a year is the
    next such date, and a time without a day the next such time. Raises DateError.
    """
    written = signs(text) if len(text) <= MAX_LENGTH else None
    problems = []
    for parts in product(*read(written or "")):
        try:
            return _moment(_together(parts), now, zone)
        except DateError as error:
            # Where "12.10" makes no sense as a date it may still be a time; other problems are final.
            if error.kind not in {DateProblem.NOT_UNDERSTOOD, DateProblem.NO_SUCH_DATE}:
                raise
            problems.append(error)
    raise next((p for p in problems if p.kind is DateProblem.NO_SUCH_DATE), problems[0])


def say_moment(moment: datetime, now: datetime, t: Texts) -> Markup:
    """Return day and time in full, good for a text that is read later: "wtorek 1 grudnia, 17:00".

    `moment` and `now` are aware; the year is said when it is another one or the day is far away.
    """
    return Markup("{}, {}").format(say_day(moment, now, t), say_time(moment, t))


def say_soon(moment: datetime, now: datetime, t: Texts) -> Markup:
    """Return day and time for a reply that is read at once: "dziś, 17:00", else as `say_moment` does."""
    distance = moment.astimezone(t.zone).date() - now.astimezone(t.zone).date()
    if distance == timedelta(0):
        return t("today, {time}", time=say_time(moment, t))
    if distance == timedelta(days=1):
        return t("tomorrow, {time}", time=say_time(moment, t))
    return say_moment(moment, now, t)


def say_day(moment: datetime, now: datetime, t: Texts) -> Markup:
    """Return the day of an aware time: "wtorek 1 grudnia", with the year as in `say_moment`."""
    day, today = moment.astimezone(t.zone).date(), now.astimezone(t.zone).date()
    near = day.year == today.year and abs(day - today) <= _YEAR_SAID_AFTER
    return Markup("{}").format(format_date(day, "EEEE d MMMM" if near else "EEEE d MMMM y", locale=t.locale))


def say_time(moment: datetime, t: Texts) -> Markup:
    """Return the wall-clock time of an aware time: "9:05"."""
    return Markup("{}").format(format_time(moment.astimezone(t.zone).time(), "H:mm", locale=t.locale))


def say_duration(seconds: float, t: Texts) -> Markup:
    """Return about how long something takes, for behind a preposition: "17 minutes", "2 hours and 5 minutes".

    From an hour on to five minutes. Polish has the genitive, as after "około".
    """
    minutes = max(round(seconds / _MINUTE), 1)
    if minutes < _HOUR:
        return t.plural("{count} minute", "{count} minutes", minutes)
    hours, rest = divmod(round(minutes / _ROUNDED) * _ROUNDED, _HOUR)
    said = t.plural("{count} hour", "{count} hours", hours)
    if not rest:
        return said
    return t("{hours} and {minutes}", hours=said, minutes=t.plural("{count} minute", "{count} minutes", rest))


def _together(parts: Sequence[Reading]) -> Reading:
    """Return what all pieces say together; raises DateError when they say a thing twice."""
    said: dict[str, Any] = {}
    for part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if value is not None and field.name in said:
                raise DateError(DateProblem.NOT_UNDERSTOOD)
            if value is not None:
                said[field.name] = value
    exact = said.keys() & {"on", "weeks", "ahead"}
    alone = "after" not in said or len(said) == 1
    if len(exact) > 1 or not alone or not said.keys() - {"half"}:
        raise DateError(DateProblem.NOT_UNDERSTOOD)
    return Reading(**said)


def _moment(said: Reading, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the aware UTC time of a whole reading; raises DateError."""
    if said.after is not None:
        moment = (now.astimezone(UTC) + said.after).replace(second=0, microsecond=0)
    else:
        moment = _at(said, now, zone)
    if moment <= now:
        raise DateError(DateProblem.IN_THE_PAST)
    return moment


def _at(said: Reading, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the aware UTC time of a day and a time; raises DateError."""
    today = now.astimezone(zone).date()
    clock, day = _time(said), _day(said, today)
    # Checked before `resolve`: the first and the last year of the calendar have no UTC time.
    if day is not None and day < today:
        raise DateError(DateProblem.IN_THE_PAST)
    if day is not None and day > today + relativedelta(years=MAX_YEARS):
        raise DateError(DateProblem.TOO_FAR)
    if clock is None:
        raise DateError(DateProblem.TIME_MISSING)
    if day is not None:
        return resolve(datetime.combine(day, clock), zone)
    step = 1 if said.weekday is None else 7
    day = today if said.weekday is None else today + timedelta((said.weekday - today.weekday()) % step)
    moment = resolve(datetime.combine(day, clock), zone)
    return moment if moment > now else resolve(datetime.combine(day + timedelta(step), clock), zone)


def _time(said: Reading) -> time | None:
    """Return the time of day that was said; raises DateError."""
    if said.clock is None:
        return None
    hour, minute = said.clock
    noon = 12
    if said.half == "AM" and hour > noon:
        raise DateError(DateProblem.NO_SUCH_DATE)
    if said.half == "AM":
        hour %= noon
    elif said.half == "PM" and hour < noon:
        hour += noon
    try:
        return time(hour, minute)
    except ValueError:
        raise DateError(DateProblem.NO_SUCH_DATE) from None


def _day(said: Reading, today: date) -> date | None:
    """Return the exact day that was said; None when only a weekday or no day was. Raises DateError."""
    if said.on is not None:
        day = _next_date(*said.on, today=today)
    elif said.ahead is not None:
        day = today + said.ahead
    elif said.weeks is not None:
        day = today + timedelta(weeks=said.weeks)
        day += timedelta(0 if said.weekday is None else said.weekday - day.weekday())
    else:
        return None
    if said.weekday not in {None, day.weekday()}:
        raise DateError(DateProblem.NO_SUCH_DATE)
    return day


def _next_date(year: int | None, month: int, day: int, *, today: date) -> date:
    """Return a date, without a year the next one from today on; raises DateError when there is none."""
    # 29 February comes back after eight years at the latest (around 2100).
    years = range(today.year, today.year + 9) if year is None else (year,)
    for candidate in years:
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year is not None or found >= today:
            return found
    raise DateError(DateProblem.NO_SUCH_DATE)
