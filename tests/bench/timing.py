"""Times of one process: percentiles, how long an event loop stood still, and how much memory was taken."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

LOOK_SECONDS = 0.001


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return a percentile of some times, in milliseconds."""
    ordered = sorted(seconds)
    return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Stall:
    """How long the running loop did nothing at all: how much each look at the clock came too late."""

    def __init__(self) -> None:
        self.late = list[float]()

    @property
    def milliseconds(self) -> float:
        """The worst, in milliseconds."""
        return 1_000 * max(self.late, default=0.0)

    def percentile(self, percent: int) -> float:
        """Return a percentile, in milliseconds."""
        return percentile(self.late, percent)

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(LOOK_SECONDS)
            self.late.append(time.perf_counter() - before - LOOK_SECONDS)


@asynccontextmanager
async def watched_loop() -> AsyncIterator[Stall]:
    """Watch the running loop meanwhile."""
    stall = Stall()
    watching = asyncio.create_task(stall.watch())
    await asyncio.sleep(10 * LOOK_SECONDS)
    stall.late.clear()
    try:
        yield stall
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def forget_peak() -> float:
    """Begin to watch this process's peak of memory anew; return the MB that it holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets VmHWM
    return _megabytes("VmRSS:")


def peak() -> float:
    """Return the most MB of memory that this process has held since then."""
    return _megabytes("VmHWM:")


def _megabytes(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1_024
    raise LookupError(name)
