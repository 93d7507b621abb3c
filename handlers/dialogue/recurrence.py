"""Recurring announcements: an RFC 5545 rule, the first local wall-clock time and a time zone.

Occurrences are reckoned in naive local time and only then turned into UTC, so that "every Tuesday at 9:00"
stays at 9:00 when the clocks change (RFC 5545, 3.3.10), comes once per local date, and is shifted or taken
first as `dates.resolve` says where that time is skipped or comes twice.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from babel.dates import format_time
from dateutil.rrule import rrule, rrulestr
from markupsafe import Markup

from handlers.dialogue.dates import resolve
from handlers.dialogue.texts import Texts

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""RFC 5545's names of the days, in Python's order."""

HORIZON_YEARS = 50
"""How far ahead an occurrence is looked for: 29 February on a given weekday can take forty years."""
