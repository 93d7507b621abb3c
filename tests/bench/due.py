"""How late an announcement is: from when it is due until its run is committed, by the program's clock."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import uvloop
from sqlalchemy import func, select

from bot.clock import NAME, Clock
from bot.leases import Leases
from bot.signals import Signals
from bot.store import Store
from handlers.announcements.publishing import fill_runs, publish_due
from handlers.dialogue.context import Site
from handlers.dialogue.texts import LOCALES, texts_for
from storage import announcements
from storage.database import Database, Session
from storage.runs import Run, RunState
from tests.bench.filling import SITE, announce, people, utc_now
from tests.bench.letterbox import when_committed
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind
from tests.bench.timing import percentile, watched_loop

AT_ONCE, SPREAD, SPREAD_SECONDS = 1_000, 100, 6.0
PEOPLE = 10
LEAD_SECONDS = 1.0
RULE = "FREQ=WEEKLY"
"""They are repeated, so that the next time is to be found for each."""

LIFE = 15.0


def measure_due(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        for count, seconds, what, latest in (
            (AT_ONCE, 0.0, "1,000 due at once: due until committed, p99", 300),
            (SPREAD, SPREAD_SECONDS, "100 due within 6 s: due until committed, p99", 25),
        ):
            with kind.database(people(PEOPLE)) as database:
                late, stall = uvloop.run(_publish(database, count, seconds))
            beside = f"median {percentile(late, 50):.0f} ms"
            yield Figure(percentile(late, 99), "ms", at_most(latest), beside).line(what, kind.name)
            yield Figure(stall, "ms", at_most(25)).line("  loop stall meanwhile", kind.name)


@dataclass
class Watch:
    """Does the clock's duty, and notes when which runs were committed: (the last id, seconds since 1970)."""

    commits: list[tuple[int, float]] = field(default_factory=list)

    def publish(self, session: Session, now: datetime, site: Site) -> bool:
        """Do the duty."""
        more = publish_due(session, now, site)
        last = session.scalar(select(func.max(Run.id))) or 0
        when_committed(session, lambda: self.commits.append((last, time.time())))
        return more

    def lateness(self, session: Session) -> list[float]:
        """Return for every run how many seconds after its time it was committed."""
        late, commits = list[float](), iter(self.commits)
        last, at = 0, 0.0
        for run_id, due_at in session.execute(select(Run.id, Run.due_at).order_by(Run.id)):
            while run_id > last:
                last, at = next(commits)
            late.append(at - due_at.timestamp())
        return late


async def _publish(database: Database, count: int, seconds: float) -> tuple[list[float], float]:
    """Let so many fall due within some seconds; return how late each was, and the loop's stall in ms."""
    for locale in LOCALES:
        texts_for(locale, SITE.zone)  # as the program has done before the first of them falls due
    store, watch = Store(database), Watch()
    first = utc_now() + timedelta(seconds=LEAD_SECONDS)
    for number in range(count if seconds else 1):
        moment = first + timedelta(seconds=seconds * number / count)
        announce(database, moment, 1 if seconds else count, RULE)
    leases = Leases(store, [NAME], LIFE, utc_now)
    clock = Clock(store, Signals(store), leases, SITE, utc_now)
    await leases.start()
    async with watched_loop() as stall:
        clock.start((watch.publish, fill_runs), announcements.get_next_due_at, ())
        while await store.read(_filled) < count:  # noqa: ASYNC110 - it is the store that changes
            await asyncio.sleep(0.1)
    await clock.stop()
    await leases.stop()
    return database.read(watch.lateness), stall.milliseconds


def _filled(session: Session) -> int:
    """Return how many runs are filled."""
    query = select(func.count()).select_from(Run).where(Run.state != RunState.FILLING)
    return session.scalar(query) or 0
