"""The pace that Telegram allows, and who goes on in spite of a 429.

Per token so many sends in any second, per private chat a burst and then one every so often, per group so
many in any minute. Each costs a few steps a call, however many chats there are.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from typing import NamedTuple

TOKEN = 0
"""The place of a wait that concerns the whole token; no chat has this id."""

SECOND, MINUTE = 1.0, 60.0

EARLY_SECONDS = 0.005
"""A call that comes so little before the end of its wait has waited: timers count in milliseconds."""

IN_FLIGHT_SECONDS = 0.1
"""So soon after a 429 a caller may not have read it yet."""


@dataclass(frozen=True)
class Limits:
    """What is allowed; 0 switches a limit off.

    `per_second` sends for the token, one more tolerated. `per_chat_burst` sends to a private chat at once,
    then one every `per_chat_seconds`. `per_group_minute` sends to one group.
    """

    per_second: int = 0
    per_chat_seconds: float = 0.0
    per_chat_burst: int = 4
    per_group_minute: int = 0


class SlidingWindow:
    """At most `count` in any `seconds`."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._latest = deque[float](maxlen=count)

    def wait(self, at: float) -> float:
        """Return the seconds until one more is allowed; 0 when it is now."""
        if len(self._latest) < (self._latest.maxlen or 0):
            return 0.0
        return max(0.0, self._latest[0] + self._seconds - at)

    def take(self, at: float) -> None:
        """Count one."""
        self._latest.append(at)


class CellRate:
    """The generic cell rate algorithm (GCRA): `burst` at once, then one every `interval` seconds."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._tolerance = interval * (burst - 1)
        self._arrival = 0.0  # the theoretical arrival time of the next one

    def wait(self, at: float) -> float:
        """Return the seconds until one more is allowed; 0 when it is now."""
        return max(0.0, self._arrival - self._tolerance - at)

    def take(self, at: float) -> None:
        """Count one."""
        self._arrival = max(self._arrival, at) + self._interval


class Wait(NamedTuple):
    """A retry_after that was given: since when, and until when nothing may come."""

    since: float
    until: float


@dataclass
class Refusals:
    """How many sends got a 429.

    Broken waits are those that came within a retry_after which had been given; in flight are those of them
    that came so soon that the caller may not have read it yet.
    """

    too_many_requests: int = 0
    broken_waits: int = 0
    broken_waits_in_flight: int = 0

    def report(self) -> dict[str, int]:
        """Return the counts as JSON."""
        return asdict(self)


class Throttle:
    """Applies `limits` to the sends of one token; `clock` returns seconds that never go back."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.refusals = Refusals()
        self._clock = clock
        self._waits: dict[int, Wait] = {}
        self.apply(limits)

    def apply(self, limits: Limits) -> None:
        """Apply these limits from now on; what was sent before does not count. Waits remain."""
        self._limits = limits
        self._token = SlidingWindow(limits.per_second + 1, SECOND) if limits.per_second else None
        self._chats: dict[int, SlidingWindow | CellRate] = {}

    def arrive(self, chat: int) -> int:
        """Count a send to `chat` and return 0, or refuse it: return its retry_after in whole seconds."""
        at = self._clock()
        if self._waits and (seconds := self._break(chat, at)):
            return seconds
        chat_limit, token_limit = self._limit_of(chat), self._token
        if chat_limit is not None and (wait := chat_limit.wait(at)):
            return self._refuse(chat, wait, at)
        if token_limit is not None and (wait := token_limit.wait(at)):
            return self._refuse(TOKEN, wait, at)
        for limit in (chat_limit, token_limit):
            if limit is not None:
                limit.take(at)
        return 0

    def refuse(self, place: int, seconds: float) -> None:
        """Note that a 429 was given for a chat, or for the `TOKEN`, on other grounds than the limits."""
        self._refuse(place, seconds, self._clock())

    def _limit_of(self, chat: int) -> SlidingWindow | CellRate | None:
        limit = self._chats.get(chat)
        if limit is not None:
            return limit
        if chat < 0 and self._limits.per_group_minute:
            limit = SlidingWindow(self._limits.per_group_minute, MINUTE)
        elif chat > 0 and self._limits.per_chat_seconds:
            limit = CellRate(self._limits.per_chat_seconds, self._limits.per_chat_burst)
        else:
            return None
        self._chats[chat] = limit
        return limit

    def _break(self, chat: int, at: float) -> int:
        for place in (TOKEN, chat):
            wait = self._waits.get(place)
            if wait is None:
                continue
            if at < wait.until - EARLY_SECONDS:
                self.refusals.broken_waits += 1
                self.refusals.broken_waits_in_flight += at < wait.since + IN_FLIGHT_SECONDS
                return self._refuse(place, wait.until - at, at)
            del self._waits[place]
        return 0

    def _refuse(self, place: int, seconds: float, at: float) -> int:
        whole = max(1, ceil(seconds))
        known = self._waits.get(place, Wait(at, at))
        self._waits[place] = Wait(known.since, max(known.until, at + whole))
        self.refusals.too_many_requests += 1
        return whole
