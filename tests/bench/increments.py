"""Eight tasks that read, add one and write the same row, through the program's store."""

import asyncio
import time
from collections.abc import Iterator, Sequence

import uvloop

from bot.store import Store
from storage import runs
from storage.database import Session, StoreUnavailable
from storage.runs import Run
from tests.bench.filling import pushes
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind
from tests.bench.timing import percentile

TASKS, TIMES = 8, 100


def measure_increments(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        with kind.database(pushes(1)) as database:
            before = database.read(_count)
            times, refused = uvloop.run(_add_all(Store(database)))
            lost = before + TASKS * TIMES - refused - database.read(_count)
        yield Figure(lost, "lost", at_most(0)).line("8 tasks add 1 to a row 100 times", kind.name)
        yield Figure(refused, "refused", at_most(0)).line("  “database is locked” and the like", kind.name)
        beside = f"median {percentile(times, 50):.1f} ms, {TASKS * TIMES / sum(times) * TASKS:,.0f}/s"
        yield Figure(percentile(times, 99), "ms", at_most(50), beside).line("  one of them, p99", kind.name)


async def _add_all(store: Store) -> tuple[list[float], int]:
    """Let all tasks work at once; return how long each addition took (seconds) and how many were refused."""
    times, refused = list[float](), 0

    async def add() -> None:
        nonlocal refused
        for _ in range(TIMES):
            began = time.perf_counter()
            try:
                await store.write(_add_one)
            except StoreUnavailable:
                refused += 1
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(add() for _ in range(TASKS)))
    return times, refused


def _run(session: Session) -> Run:
    """Return the only run, locked."""
    run = runs.get_run(session, 1)
    assert run is not None
    return run


def _add_one(session: Session) -> None:
    """Read, add and write."""
    _run(session).cursor += 1
    session.flush()


def _count(session: Session) -> int:
    """Return what they count up."""
    return session.get_one(Run, 1).cursor
