"""What became of a broadcast: how fast it went, who has it twice and who not at all."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import Any

from tests.fake_telegram.limits import MINUTE, SECOND

Json = dict[str, Any]

NAMED = 10
"""How many chats the report names as having the broadcast twice, or not."""


class Busiest:
    """Finds the most that came in any `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.most = 0
        self._seconds = seconds
        self._times = deque[float]()

    def note(self, at: float) -> None:
        """Count one; times must not go back."""
        times, earliest = self._times, at - self._seconds
        times.append(at)
        while times[0] <= earliest:
            times.popleft()
        self.most = max(self.most, len(times))


class Pace:
    """How many came, from when to when."""

    def __init__(self, began: float) -> None:
        self.count = 0
        self._began = began
        self._first = self._last = began

    def note(self, at: float) -> None:
        """Count one."""
        if not self.count:
            self._first = at
        self._last = at
        self.count += 1

    def report(self) -> Json:
        """Return how soon the first came, how long it took to the last, and the rate between the two."""
        spent = self._last - self._first
        return {
            "first_after": round(self._first - self._began, 3) if self.count else None,
            "seconds": round(spent, 3),
            "per_second": round((self.count - 1) / spent, 2) if spent > 0 else 0.0,
        }


class Judge:
    """Counts what was taken since `reset`; `clock` returns seconds that never go back.

    A message whose text, as sent, contains the `marker` belongs to the broadcast, which is meant for the
    chats `expected`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.complete = asyncio.Event()
        """Set while every chat that is expected to have the broadcast has it."""
        self._clock = clock
        self.reset("", ())

    def reset(self, marker: str, expected: Collection[int]) -> None:
        """Begin anew; without a marker there is no broadcast."""
        now = self._clock()
        self._marker = marker
        self._missing = set(expected)
        self._unexpected = 0
        self._reached = Counter[int]()
        self._sent, self._broadcast = Pace(now), Pace(now)
        self._edited = 0
        self._second = Busiest(SECOND)
        self._groups: dict[int, Busiest] = {}
        self.complete.clear()
        self._look()

    def sent(self, chat: int, text: str) -> bool:
        """Count a message that was taken; return whether it belongs to the broadcast."""
        at = self._note(chat)
        self._sent.note(at)
        if not self._marker or self._marker not in text:
            return False
        self._broadcast.note(at)
        if not self._reached[chat]:
            self._unexpected += chat not in self._missing
            self.excuse(chat)
        self._reached[chat] += 1
        return True

    def edited(self, chat: int) -> None:
        """Count a change of a message that was taken."""
        self._note(chat)
        self._edited += 1

    def excuse(self, chat: int) -> None:
        """Expect nothing in a chat any more."""
        self._missing.discard(chat)
        self._look()

    def report(self) -> Json:
        """Return everything as JSON."""
        return {
            "sent": self._sent.count,
            "edited": self._edited,
            **self._sent.report(),
            "most_in_a_second": self._second.most,
            "most_in_a_minute_of_a_group": max((group.most for group in self._groups.values()), default=0),
            "broadcast": self._report_broadcast(),
        }

    def _look(self) -> None:
        if not self._missing:
            self.complete.set()

    def _note(self, chat: int) -> float:
        at = self._clock()
        self._second.note(at)
        if chat < 0:
            self._groups.setdefault(chat, Busiest(MINUTE)).note(at)
        return at

    def _report_broadcast(self) -> Json:
        twice = [chat for chat, count in self._reached.items() if count > 1]
        return {
            "marker": self._marker,
            "sent": self._broadcast.count,
            "chats": len(self._reached),
            "duplicates": self._broadcast.count - len(self._reached),
            "missing": len(self._missing),
            "unexpected": self._unexpected,
            **self._broadcast.report(),
            "some_duplicates": twice[:NAMED],
            "some_missing": sorted(self._missing)[:NAMED],
        }
