"""When to give up on an update that cannot be handled, so that it does not block the others for ever."""

from storage.database import StoreUnavailable

TRIES = 5
"""How often an update is tried while others get through: then the fault is its own."""

TRIES_WHEN_NOTHING_WORKS = 20
"""How often while nothing gets through at all: then the store is down and every update is worth keeping."""

LONGEST_PAUSE = 30.0

AWAY_PAUSE = 2.0
"""Seconds before an update is tried again which could not be stored; that is not its own fault."""


class Patience:
    """Counts the failures of updates by id, and notices whether anything else succeeds meanwhile."""

    def __init__(self) -> None:
        self._failures: dict[int, tuple[int, int]] = {}
        self._successes = 0

    def worked(self, update_id: int) -> None:
        """Note that the update was handled."""
        self._successes += 1
        if self._failures:
            self._failures.pop(update_id, None)

    def failed(self, update_id: int, error: Exception) -> float | None:
        """Note that the update failed; return after how many seconds to try again, None to give it up.

        While the store does not answer nothing is given up, however long that takes.
        """
        if isinstance(error, StoreUnavailable):
            return AWAY_PAUSE
        tries, successes_before = self._failures.get(update_id, (0, self._successes))
        tries += 1
        allowed = TRIES if self._successes > successes_before else TRIES_WHEN_NOTHING_WORKS
        if tries >= allowed:
            self._failures.pop(update_id, None)
            return None
        self._failures[update_id] = (tries, successes_before)
        return float(min(LONGEST_PAUSE, 2.0 ** (tries - 2)))
