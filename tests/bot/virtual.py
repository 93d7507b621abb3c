"""An event loop whose time is made up: it jumps to the next timer whenever nothing else is to be done.

loop = VirtualLoop()
loop.run_until_complete(asyncio.sleep(3_600))  # takes no time; loop.time() is 3,600 seconds later
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_000.0
"""What a loop's time begins with (seconds): as on a machine that has been up for a while."""


class Nothing(selectors.BaseSelector):
    """Watches nothing: a select that would wait lets `skip` pass the time instead."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        """Take what is called with the seconds that would be waited."""
        self._skip = skip
        self._keys = dict[Any, selectors.SelectorKey]()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Note a file, as the loop's own pipe wants to be."""
        self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file."""
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass; raises RuntimeError where it would pass without end."""
        if timeout is None:
            raise RuntimeError("everybody waits for something that nobody will do")
        if timeout > 0:
            self._skip(timeout)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        """Return the files that were noted."""
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with made-up time; each of its wake-ups comes `lateness()` seconds too late."""

    def __init__(self, lateness: Callable[[], float] = lambda: 0.0) -> None:
        """Begin at START."""
        self._now = START
        self._lateness = lateness
        super().__init__(Nothing(self._skip))

    def time(self) -> float:
        """Return the made-up time in seconds."""
        return self._now

    def _skip(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds + self._lateness()


@contextmanager
def virtual_loop(lateness: Callable[[], float] = lambda: 0.0) -> Iterator[VirtualLoop]:
    """Give a loop, and cancel at the end what still runs in it."""
    loop = VirtualLoop(lateness)
    try:
        yield loop
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()


def run(
    main: Callable[[VirtualLoop], Coroutine[Any, Any, T]], lateness: Callable[[], float] = lambda: 0.0
) -> T:
    """Run a coroutine function, which is given the loop, in made-up time."""
    with virtual_loop(lateness) as loop:
        return loop.run_until_complete(main(loop))
