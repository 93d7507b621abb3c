"""Pausing and ending a broadcast: how long after the commit, and how many, messages still leave."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import uvloop

from bot.sender import LEAVING_AT_ONCE, LEAVING_SECONDS
from storage import runs
from storage.database import Database, Session
from storage.runs import Run
from tests.bench.filling import pushes, utc_now
from tests.bench.letterbox import Letterbox, when_committed
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind
from tests.bot.machine import Process

PENDING = 10_000
RATES = (30, 1_000)
SECONDS = 1.5
"""How long is watched what leaves after all."""

Change = Callable[[Session, Run], None]


def measure_pausing(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        for rate in RATES:
            with kind.database(pushes(PENDING)) as database:
                found = uvloop.run(_change_twice(database, rate))
            most = max(LEAVING_AT_ONCE, round(rate * LEAVING_SECONDS))
            for name, after in found.items():
                what = f"{name} at {rate:,}/s: commit until the last leaves"
                yield Figure(after.seconds, "s", at_most(1)).line(what, kind.name)
                yield Figure(after.count, "messages", at_most(most)).line("  leave after it", kind.name)


@dataclass(frozen=True)
class After:
    """What left after the commit of a change: how many, and the last of them how many seconds later."""

    count: int
    seconds: float


async def _change_twice(database: Database, rate: int) -> dict[str, After]:
    """Pause a run, resume it, and end it."""
    box = Letterbox(rate)
    process = Process(database, box)
    await process.start()
    await box.has_taken(rate)
    paused = await _change(process, box, lambda session, run: runs.set_run_paused(session, run, utc_now()))
    await process.store.write(lambda session: runs.set_run_resumed(session, _run(session)))
    process.outbox.wake()
    await box.has_taken(rate)
    ended = await _change(process, box, runs.set_run_stopped)
    await process.stop()
    return {"pause": paused, "cancel": ended}


async def _change(process: Process, box: Letterbox, change: Change) -> After:
    """Change the run as a coordinator's message does; return what left afterwards."""
    committed = list[float]()

    def work(session: Session) -> None:
        change(session, _run(session))
        when_committed(session, lambda: committed.append(time.perf_counter()))

    await process.store.write(work)
    await asyncio.sleep(SECONDS)
    later = [at - committed[0] for at in box.taken.values() if at > committed[0]]
    return After(len(later), max(later, default=0.0))


def _run(session: Session) -> Run:
    """Return the only run."""
    run = runs.get_run(session, 1)
    assert run is not None
    return run
