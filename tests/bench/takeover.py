"""How long nothing is sent after the sending process was killed: two programs on one PostgreSQL."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from storage.database import Session
from storage.deliveries import Delivery, State
from tests.bench.filling import MARKER, announce, people, utc_now
from tests.bench.programs import PATIENCE, Fake, bot, fake_telegram
from tests.bench.report import Figure, at_most
from tests.bench.stores import POSTGRESQL, Kind

LEASE_SECONDS = 5
PER_SECOND = 30
PEOPLE = 1_000
LEAD = timedelta(seconds=8)
"""How long before the time of the announcement the programs start."""

UNDER_WAY_SECONDS = 0.2
"""How long after the kill what was under way may still come."""

LOOK_SECONDS = 0.01


def measure_takeover(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        if kind.name == POSTGRESQL:
            yield from _measure(kind)


def _measure(kind: Kind) -> Iterator[str]:
    """Kill the first of two programs while it sends, and see the second go on."""
    limits = ("--per-second", str(PER_SECOND), "--per-chat-seconds", "1")
    with ExitStack() as stack:
        fake = stack.enter_context(fake_telegram(*limits))
        fake.post("/people", {"count": PEOPLE, "silent": True})
        fake.post("/judge", {"marker": MARKER})
        database = stack.enter_context(kind.database(people(PEOPLE)))
        announce(database, utc_now() + LEAD)
        url = database.url.render_as_string(hide_password=False)
        processes = []
        for _ in range(2):  # the first takes the lease
            folder = Path(stack.enter_context(TemporaryDirectory()))
            settings = {"DATABASE_URL": url, "LEASE_SECONDS": str(LEASE_SECONDS)}
            processes.append(stack.enter_context(bot(fake, folder, settings))[0])
        _wait_for(fake, 2 * PER_SECOND)
        os.kill(processes[0].pid, signal.SIGKILL)
        began = time.perf_counter()
        time.sleep(UNDER_WAY_SECONDS)
        arrived = _count(fake)
        _wait_for(fake, arrived + 1)
        seconds = time.perf_counter() - began
        _wait_for(fake, arrived + PER_SECOND)
        unknown = database.read(_count_unknown)
        twice = fake.get("/judge")["broadcast"]["duplicates"]
    what = f"kill -9 of the sender until another sends; lease {LEASE_SECONDS} s"
    yield Figure(seconds, "s", at_most(LEASE_SECONDS + 1)).line(what, kind.name)
    yield Figure(twice, "messages", at_most(0)).line("  sent twice", kind.name)
    yield Figure(unknown, "messages", at_most(10)).line("  of which it is not known", kind.name)


def _wait_for(fake: Fake, count: int) -> None:
    """Return once so many messages have come."""
    latest = time.perf_counter() + PATIENCE
    while _count(fake) < count:
        if time.perf_counter() > latest:
            raise TimeoutError("nobody sends")
        time.sleep(LOOK_SECONDS)


def _count(fake: Fake) -> int:
    """Return how many messages of the broadcast have come."""
    return int(fake.get("/judge")["broadcast"]["sent"])


def _count_unknown(session: Session) -> int:
    """Return of how many messages it is not known whether they have come."""
    query = select(func.count()).select_from(Delivery).where(Delivery.state == State.UNKNOWN)
    return session.scalar(query) or 0
