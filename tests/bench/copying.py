"""Backing up a SQLite store that is being written to: the command `backup`, and what its writers notice."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import uvloop

from bot.store import Store
from storage import deliveries
from storage.database import Database
from storage.deliveries import Birth, Target
from tests.bench.filling import CHANNEL, pushes, utc_now
from tests.bench.programs import ROOT
from tests.bench.report import Figure, at_least, at_most, bare
from tests.bench.stores import SQLITE, Kind
from tests.bench.timing import percentile
from tests.bot.machine import body

PENDING = 450_000
"""So many that the file has 170 MB."""

PAUSE_SECONDS = 0.005
BEFORE_SECONDS = 2.0


def measure_copying(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        if kind.name != SQLITE:
            continue
        with kind.database(pushes(PENDING)) as database:
            assert database.path is not None
            size = database.path.stat().st_size / 1_000_000
            copy = database.path.with_name("copy.db")
            seconds, before, times = uvloop.run(_back_up(database, copy))
            sound = _is_sound(copy)
            other = _vacuum_into(database.path, database.path.with_name("other.db"))
        beside = bare("bare VACUUM INTO", other, seconds)
        yield Figure(size, "MB", at_least(170)).line("backup of a store in use: its size", kind.name)
        yield Figure(seconds, "s", at_most(2), beside).line("  the whole command", kind.name)
        yield Figure(int(not sound), "unsound", at_most(0)).line("  integrity of the copy", kind.name)
        beside = bare("without it", percentile(before, 99), percentile(times, 99))
        yield Figure(percentile(times, 99), "ms", at_most(5), beside).line(
            "  a write meanwhile, p99", kind.name
        )


async def _back_up(database: Database, copy: Path) -> tuple[float, list[float], list[float]]:
    """Copy a store while it is written to.

    Returns how long that took, and each write before it and meanwhile (seconds).
    """
    store, times = Store(database), list[float]()
    writing = asyncio.create_task(_write_for_ever(store, times))
    await asyncio.sleep(BEFORE_SECONDS)
    before = times.copy()
    times.clear()
    began = time.perf_counter()
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{database.path}", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "backup", str(copy)),
        cwd=copy.parent,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise AssertionError("no copy was made")
    seconds = time.perf_counter() - began
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    return seconds, before, times


async def _write_for_ever(store: Store, times: list[float]) -> None:
    """Store an answer every few milliseconds."""
    target = Target(CHANNEL, "home", 1)
    while True:
        began = time.perf_counter()
        work = partial(deliveries.add_reply, target=target, body=body("Tak"), birth=Birth(), now=utc_now())
        await store.write(work)
        times.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE_SECONDS)


def _is_sound(copy: Path) -> bool:
    """Return whether SQLite finds nothing wrong with a file."""
    with closing(sqlite3.connect(copy)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def _vacuum_into(source: Path, target: Path) -> float:
    """Return how many seconds SQLite's own statement takes for the same."""
    began = time.perf_counter()
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return time.perf_counter() - began
