"""What the whole program costs while nothing happens and a thousand announcements are to come."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.database import Database
from tests.bench.filling import announce, people, utc_now
from tests.bench.programs import bot, fake_telegram
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind

TO_COME = 1_000
SETTLE_SECONDS, SECONDS = 3.0, 40.0


def measure_idle(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines; a program on each kind of store, at the same time."""
    with ExitStack() as stack:
        programs = []
        for kind in kinds:
            url = stack.enter_context(kind.new(people(1)))
            _announce(url)
            folder = Path(stack.enter_context(TemporaryDirectory()))
            fake = stack.enter_context(fake_telegram())
            process, _ = stack.enter_context(bot(fake, folder, {"DATABASE_URL": url}))
            programs.append((kind, process))
        time.sleep(SETTLE_SECONDS)
        before = [process.cpu() for _, process in programs]
        time.sleep(SECONDS)
        spent = [process.cpu() for _, process in programs]
    for (kind, _), first, last in zip(programs, before, spent, strict=True):
        percent = 100 * (last - first) / SECONDS
        what = "idle for 40 s, 1,000 announcements to come: CPU"
        yield Figure(percent, "%", at_most(0.1)).line(what, kind.name)


def _announce(url: str) -> None:
    """Store what is to come, all of it in an hour or later."""
    database = Database(url)
    announce(database, utc_now() + timedelta(hours=1), TO_COME)
    database.close()
