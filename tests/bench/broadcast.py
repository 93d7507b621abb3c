"""A broadcast by the whole program, with all its bookkeeping, beside a bare loop that is paced alike.

The fake Telegram has its limits on for the program: what comes too soon is refused and counted.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from storage.database import Database, Session
from storage.deliveries import Delivery, State
from tests.bench.filling import MARKER, announce, people, utc_now
from tests.bench.programs import PATIENCE, ROOT, Fake, bot, fake_telegram
from tests.bench.report import Figure, at_least, at_most, bare
from tests.bench.stores import Kind

LEAD = timedelta(seconds=6)
"""How long before the time of the announcement the program starts."""

RECORD_SECONDS = 0.5
"""How long after the last message has come its outcome may take to be recorded."""


@dataclass(frozen=True)
class Plan:
    """How many messages a second may leave, to how many people, and what part of that is to be reached."""

    rate: int
    count: int
    part: float

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        return self.count / self.rate


PLANS = (Plan(30, 450, 0.98), Plan(1_000, 10_000, 0.93))


@dataclass(frozen=True)
class Result:
    """The fake's report, and the milliseconds of CPU that each message took."""

    report: dict[str, Any]
    cpu_ms: float

    @property
    def rate(self) -> float:
        """Messages a second, from the first to the last."""
        return float(self.report["broadcast"]["per_second"])


def measure_broadcast(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for plan in PLANS:
        loop = _send_bare(plan)
        for kind in kinds:
            yield from _lines(plan, kind, _send_all(plan, kind), loop)


def _lines(plan: Plan, kind: Kind, sent: Result, loop: Result) -> Iterator[str]:
    """Give the lines of one broadcast."""
    beside = bare("bare loop", loop.rate, sent.rate)
    figure = Figure(sent.rate, "/s", at_least(plan.part * plan.rate), beside)
    yield figure.line(f"broadcast to {plan.count:,} at {plan.rate:,}/s", kind.name)
    for what, unit, number, most in (
        ("  429s", "", sent.report["too_many_requests"], 0),
        ("  broken waits", "", sent.report["broken_waits"], 0),
        ("  in the busiest second", "messages", sent.report["most_in_a_second"], plan.rate + 1),
        ("  twice, or not at all", "messages", _wrong(sent.report), 0),
    ):
        yield Figure(number, unit, at_most(most)).line(what, kind.name)
    beside = bare("bare loop", loop.cpu_ms, sent.cpu_ms)
    yield Figure(sent.cpu_ms, "ms", beside=beside).line("  CPU of each", kind.name)


def _wrong(report: dict[str, Any]) -> int:
    """Return how many people have the broadcast twice or not at all."""
    return int(report["broadcast"]["duplicates"] + report["broadcast"]["missing"])


def _send_all(plan: Plan, kind: Kind) -> Result:
    """Let the program send to everybody."""
    limits = ("--per-second", str(plan.rate), "--per-chat-seconds", "1")
    with (
        fake_telegram(*limits) as fake,
        kind.database(people(plan.count)) as database,
        TemporaryDirectory() as folder,
    ):
        announce(database, utc_now() + LEAD)
        url = database.url.render_as_string(hide_password=False)
        settings = {"DATABASE_URL": url, "TELEGRAM_PER_SECOND": str(plan.rate)}
        _judge(fake, plan)
        with bot(fake, Path(folder), settings) as (process, _):
            before = process.cpu()
            report = fake.get(f"/judge?wait={plan.seconds + PATIENCE}")
            time.sleep(RECORD_SECONDS)
            cpu_ms = 1_000 * (process.cpu() - before) / plan.count
            _check(database, plan)
        return Result(report, cpu_ms)


def _send_bare(plan: Plan) -> Result:
    """Let the bare loop send to everybody; it has no limits to break."""
    with fake_telegram() as fake:
        _judge(fake, plan)
        command = [sys.executable, "-m", "tests.bench.paced", fake.url, str(plan.count), str(plan.rate)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
        return Result(fake.get("/judge"), json.loads(done.stdout)["cpu_ms"])


def _judge(fake: Fake, plan: Plan) -> None:
    """Let the fake know the people, and count from now on."""
    fake.post("/people", {"count": plan.count, "silent": True})
    fake.post("/judge", {"marker": MARKER})


def _check(database: Database, plan: Plan) -> None:
    """Raise AssertionError unless the store says that everybody has it."""

    def count(session: Session) -> int:
        query = select(func.count()).select_from(Delivery).where(Delivery.state == State.SENT)
        return session.scalar(query) or 0

    sent = database.read(count)
    if sent != plan.count:
        raise AssertionError(f"{sent} of {plan.count} messages are recorded as sent")
