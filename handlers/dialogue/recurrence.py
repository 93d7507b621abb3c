"""Recurring announcements: an RFC 5545 rule, the first local wall-clock time and a time zone.

Occurrences are reckoned in naive local time and only then turned into UTC, so that "every Tuesday at 9:00"
stays at 9:00 when the clocks change (RFC 5545, 3.3.10). Each comes once per local date, and a time that is
skipped or comes twice is taken as `dates.resolve` says.

A rule has no end and one time of day. It may use INTERVAL everywhere, BYDAY from FREQ=WEEKLY on, and BYMONTH,
BYMONTHDAY and BYSETPOS from FREQ=MONTHLY on: "FREQ=MONTHLY;BYDAY=-1FR" is the last Friday of every month.
"""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_time
from dateutil.rrule import rrulestr
from markupsafe import Markup

from handlers.dialogue.dates import resolve
from handlers.dialogue.texts import N_, Texts

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SHORTEST_MONTH = 28
_LONGEST_MONTH = 31

_INTERVAL = r"(?:;INTERVAL=[1-9][0-9]{0,2})?"
_RULE = re.compile(
    rf"FREQ=DAILY{_INTERVAL}"
    rf"|FREQ=WEEKLY{_INTERVAL}(?:;BYDAY=[A-Z]{{2}}(?:,[A-Z]{{2}})*)?"
    rf"|FREQ=(?:MONTHLY|YEARLY){_INTERVAL}(?:;(?:BYDAY|BYMONTHDAY|BYMONTH|BYSETPOS)=[A-Z0-9,+-]+)*"
)

_EVERY_WEEK = (
    N_("every week on Monday at {time}"),
    N_("every week on Tuesday at {time}"),
    N_("every week on Wednesday at {time}"),
    N_("every week on Thursday at {time}"),
    N_("every week on Friday at {time}"),
    N_("every week on Saturday at {time}"),
    N_("every week on Sunday at {time}"),
)


def _weekly_rule(weekday: int) -> str:
    """Return the rule of a weekday, counted from Monday = 0."""
    return f"FREQ=WEEKLY;BYDAY={_WEEKDAYS[weekday]}"


def _monthly_rule(day: int) -> str:
    """Return the rule of a day of the month.

    RFC 5545 (3.3.10) leaves out a month without that day; people mean its end.
    """
    if day <= _SHORTEST_MONTH:
        return f"FREQ=MONTHLY;BYMONTHDAY={day}"
    if day == _LONGEST_MONTH:
        return "FREQ=MONTHLY;BYMONTHDAY=-1"
    days = ",".join(str(number) for number in range(_SHORTEST_MONTH, day + 1))
    return f"FREQ=MONTHLY;BYMONTHDAY={days};BYSETPOS=-1"


_WEEKLY_RULES = tuple(_weekly_rule(weekday) for weekday in range(len(_WEEKDAYS)))
_MONTHLY_RULES = tuple(_monthly_rule(day) for day in range(1, _LONGEST_MONTH + 1))


def weekly(first_local: datetime) -> str:
    """Return the rule of the same weekday every week."""
    return _weekly_rule(first_local.weekday())


def monthly(first_local: datetime) -> str:
    """Return the rule of the same day every month; a shorter month has its last day instead."""
    return _monthly_rule(first_local.day)


def next_after(rule: str, first_local: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first occurrence later than `after`, both aware UTC; None when there is none.

    `first_local` is naive: the start of the series and its time of day. None is for a day that never comes,
    as 30 February. Raises ValueError for a rule that this module does not allow.
    """
    parts = _parts(rule, first_local)
    near = after.astimezone(zone).replace(tzinfo=None)
    start = _start(parts, first_local, near)
    series = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)
    return next((moment for local in series if (moment := resolve(local, zone)) > after), None)


def describe(rule: str, local: datetime, t: Texts) -> Markup:
    """Return how a rule is said: "co tydzień we wtorek o 9:00", "co miesiąc ostatniego dnia o 9:00".

    `local` is any occurrence as naive local time; it gives the time of day. What `weekly` and `monthly`
    return is said exactly; of any other rule only the time of day is said.
    """
    time = format_time(local.time(), "H:mm", locale=t.locale)
    if rule in _WEEKLY_RULES:
        return t(_EVERY_WEEK[_WEEKLY_RULES.index(rule)], time=time)
    if rule not in _MONTHLY_RULES:
        return t("repeatedly, at {time}", time=time)
    day = _MONTHLY_RULES.index(rule) + 1
    if day == _LONGEST_MONTH:
        return t("every month on the last day at {time}", time=time)
    if day > _SHORTEST_MONTH:
        return t("every month on day {day} (in shorter months on the last day) at {time}", day=day, time=time)
    return t("every month on day {day} at {time}", day=day, time=time)


def _parts(rule: str, first_local: datetime) -> dict[str, str]:
    """Return the parts of a rule by name, with the days that RFC 5545 takes from the first occurrence."""
    if not _RULE.fullmatch(rule):
        raise ValueError(f"not a recurrence rule that is supported: {rule!r}")
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    if parts["FREQ"] in {"MONTHLY", "YEARLY"} and not parts.keys() & {"BYDAY", "BYMONTHDAY"}:
        parts["BYMONTHDAY"] = str(first_local.day)
        if parts["FREQ"] == "YEARLY":
            parts.setdefault("BYMONTH", str(first_local.month))
    return parts


def _start(parts: dict[str, str], first_local: datetime, near: datetime) -> datetime:
    """Return a start of the same series shortly before `near` (naive local, as all here).

    The rule is then not reckoned through from years ago. Whole intervals are left out, one or two are kept.
    """
    interval = int(parts.get("INTERVAL", "1"))
    if parts["FREQ"] in {"DAILY", "WEEKLY"}:
        length = interval * (7 if parts["FREQ"] == "WEEKLY" else 1)
        steps = (near - first_local).days // length - 1
        return first_local + timedelta(days=max(steps, 0) * length)
    length = interval * (12 if parts["FREQ"] == "YEARLY" else 1)
    steps = ((near.year - first_local.year) * 12 + near.month - first_local.month) // length - 1
    if steps <= 0:
        return first_local
    years, month = divmod(first_local.month - 1 + steps * length, 12)
    # From the first day of the month or year, so that all of its days are in reach.
    month = 0 if parts["FREQ"] == "YEARLY" else month
    return first_local.replace(year=first_local.year + years, month=month + 1, day=1)
