"""Failures that a test or a benchmark puts in the way of calls."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from itertools import repeat
from typing import Any

Json = dict[str, Any]


@dataclass
class Failure:
    """What shall happen to a call instead of, or before, its answer.

    With `status` it is refused with `description` and `parameters`. `drop` closes the connection: "before"
    the call is carried out or "after". `hold` keeps the call waiting before it is carried out, `delay` does
    so for that many seconds. `scope` says for what a 429 is: "token" or "chat"; calls that come within its
    `retry_after` are then refused too and count as broken waits.
    """

    status: int = 0
    description: str = ""
    parameters: Json | None = None
    drop: str = ""
    hold: asyncio.Event | None = None
    delay: float = 0.0
    scope: str = ""

    async def keep_waiting(self) -> None:
        """Hold the call as long as is said."""
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.hold is not None:
            await self.hold.wait()


NONE = Failure()


class Failures:
    """What the next calls of each method end in."""

    def __init__(self) -> None:
        self._next: dict[str, deque[Failure]] = defaultdict(deque)

    def add(self, method: str, *failures: Failure) -> None:
        """Let the next calls of `method` end in `failures`, one each."""
        self._next[method].extend(failures)

    def add_times(self, method: str, times: int, failure: Failure) -> None:
        """Let so many calls of `method` end in the same failure; 0 forgets those that are still to come."""
        if times:
            self._next[method].extend(repeat(failure, times))
        else:
            self._next[method].clear()

    def take(self, method: str) -> Failure:
        """Return what the call that has come in is to end in."""
        waiting = self._next.get(method)
        return waiting.popleft() if waiting else NONE
