"""Writing the deliveries of a broadcast: how fast, how much memory, and how long the event loop stands still.

The measured process is one of its own: `python -m tests.bench.enqueue URL`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial

import uvloop

from bot.store import Store
from handlers.announcements.publishing import fill_runs, publish_due
from storage.broadcasts import PAGE
from storage.database import Database
from tests.bench.driver import Driver
from tests.bench.filling import SITE, announce, do_all, people, utc_now
from tests.bench.programs import ROOT
from tests.bench.report import Figure, at_least, at_most, bare
from tests.bench.stores import Kind
from tests.bench.timing import forget_peak, peak, watched_loop

MANY, MOST = 100_000, 1_000_000

_BARE_PAGE = """
INSERT INTO delivery
    (channel, address, priority, state, content_id, run_id, person_id, due_at, attempts, created_at)
SELECT a.channel, a.address, 2, 'pending', c.id, c.run_id, p.id, CURRENT_TIMESTAMP, 0, CURRENT_TIMESTAMP
FROM content c CROSS JOIN person p JOIN account a ON a.person_id = p.id
WHERE p.id > :cursor AND p.id <= :last AND a.person_id > :cursor ORDER BY p.id
"""


def measure_enqueue(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        report, other = _measure_filling(kind, MANY), _measure_bare(kind)
        rate = report["per_second"]
        beside = bare("bare INSERT…SELECT", other, rate)
        figure = Figure(rate, "rows/s", at_least(100_000), beside)
        yield figure.line("enqueue 100,000 recipients", kind.name)
        yield _stall(report, kind)
        report = _measure_filling(kind, MOST)
        yield Figure(report["per_second"], "rows/s").line("enqueue 1,000,000 recipients", kind.name)
        yield Figure(report["extra_mb"], "MB", at_most(10)).line("  extra memory at most", kind.name)
        yield _stall(report, kind)


def _stall(report: dict[str, float], kind: Kind) -> str:
    """Return the line on how long the event loop stood still."""
    return Figure(report["stall_ms"], "ms", at_most(50)).line("  loop stall meanwhile", kind.name)


def _measure_filling(kind: Kind, count: int) -> dict[str, float]:
    """Return what a process of its own reports of a broadcast to so many."""
    with kind.database(people(count)) as database:
        announce(database, utc_now())
        url = database.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.bench.enqueue", url]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    report: dict[str, float] = json.loads(done.stdout)
    if report["rows"] != count:
        raise AssertionError(f"{report['rows']} of {count} deliveries were written")
    return report


def _measure_bare(kind: Kind) -> float:
    """Return how many rows a second the driver writes with one statement a page."""
    with kind.database(people(MANY)) as database:
        announce(database, utc_now())
        do_all(database.write, publish_due)
        driver = Driver(database)
        driver.run("INSERT INTO content (run_id, locale, body) SELECT id, 'pl', '{}' FROM run")
        began = time.perf_counter()
        for cursor in range(0, MANY, PAGE):
            with driver:
                driver.run(_BARE_PAGE, cursor=cursor, last=cursor + PAGE)
        spent = time.perf_counter() - began
        driver.close()
    return MANY / spent


async def fill(url: str) -> dict[str, float]:
    """Write what is due in a store as the program does; return the report."""
    store = Store(Database(url))
    due = partial(publish_due, now=utc_now(), site=SITE)
    before = forget_peak()
    async with watched_loop() as stall:
        await store.write(due)
        began = time.perf_counter()
        while await store.write(partial(fill_runs, now=utc_now(), site=SITE)):
            pass
        spent = time.perf_counter() - began
    [(rows,)] = Driver(store.database).run("SELECT count(*) FROM delivery")
    store.close()
    return {
        "rows": rows,
        "per_second": rows / spent,
        "stall_ms": stall.milliseconds,
        "extra_mb": peak() - before,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(fill(*sys.argv[1:]))))
