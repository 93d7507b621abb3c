"""The process that sends is killed, or hangs: another one takes its place, and the hung one is refused."""

import random
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import product
from pathlib import Path

from sqlalchemy import select, text

from storage.database import Database
from storage.deliveries import Delivery, State
from storage.leases import Lease, Term
from tests.bench.programs import fake_telegram
from tests.soak import ledger, people
from tests.soak.platforms import expect_people, texts_in
from tests.soak.programs import Program, alive, bot, until
from tests.soak.verdict import Verdict

MARGIN = 1.0
"""How many seconds after the end of a lease another process must have sent."""

PHASE = 0.5
"""Seconds over which the moment of a blow is spread."""

INSIDE = """
SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE state = 'idle in transaction' AND relation = 'delivery'::regclass AND mode = 'RowExclusiveLock'
AND datname = current_database()
"""
"""Finds a process that has changed what is to be sent, and has not committed it."""

PER_SECOND = "30"
"""How fast the bot sends: as it does by default."""


class Blow(StrEnum):
    """What happens to a process."""

    KILLED = "killed"
    HUNG = "hung"
    HUNG_INSIDE = "hung in a transaction"


@dataclass(frozen=True)
class Plan:
    """What happens to the sender, one blow after another, how long a lease lasts, and when: by `seed`."""

    blows: Sequence[Blow]
    lease_seconds: float
    seed: int
    people: int = 100


def take_over(plan: Plan, folder: Path, url: str) -> Verdict:
    """Strike the sending one of two processes again and again; judge how soon the other sends, and what."""
    verdict = Verdict({"seed": plan.seed, "seconds of a lease": plan.lease_seconds})
    with closing(Database(url)) as database, fake_telegram() as fake:
        addresses = expect_people(fake, plan.people)
        people.fill(database, "telegram", addresses)
        settings = {"TELEGRAM_PER_SECOND": PER_SECOND}
        pair = [bot(folder, url, plan.lease_seconds, fake, **settings) for _ in range(2)]
        with alive(*pair):
            seconds = _strike_in_turn(database, pair, plan)
            until(partial(ledger.is_drained, database), *pair)
            for program in pair:
                program.end()
        arrived = ledger.announcements_in(texts_in(fake))
        expected = set(product(addresses, people.texts(1, len(plan.blows))))
        ledger.judge(verdict, database, arrived, expected, ledger.UNKNOWN_PER_KILL * len(plan.blows))
    told = zip(plan.blows, seconds, strict=True)
    verdict.note(seconds_until_another_sent=", ".join(f"{blow} {one:.2f}" for blow, one in told))
    verdict.note(longest=round(max(seconds), 2))
    return verdict


def take_over_in_time(plan: Plan, folder: Path, url: str) -> Verdict:
    """Do the same, and demand that each time another process sent soon enough."""
    verdict = take_over(plan, folder, url)
    longest = float(str(verdict.figures["longest"]))
    verdict.demand_at_most("longest", longest, plan.lease_seconds + MARGIN)
    return verdict


def _strike_in_turn(database: Database, pair: list[Program], plan: Plan) -> list[float]:
    """Strike whichever of two processes sends; return the seconds until the other one has sent, each time."""
    chance = random.Random(plan.seed)
    sending, waiting = pair
    sending.start()
    until(sending.is_healthy, sending)
    waiting.start()
    seconds = []
    for number, blow in enumerate(plan.blows, start=1):
        until(waiting.is_healthy, sending, waiting)
        goal = ledger.count_settled(database) + 1
        people.announce(database, [people.utc_now()], first=number)
        until(lambda goal=goal: ledger.count_settled(database) >= goal, sending)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, PHASE))
        seconds.append(_strike(database, sending, waiting, blow))
        sending, waiting = waiting, sending
    return seconds


def _strike(database: Database, sending: Program, waiting: Program, blow: Blow) -> float:
    """Strike the sending process, and help it up; return the seconds until the waiting one has sent."""
    struck = _sender(database)
    match blow:
        case Blow.KILLED:
            sending.kill()
        case Blow.HUNG:
            sending.hang()
        case Blow.HUNG_INSIDE:
            _hang_inside(database, sending)
    began = time.monotonic()
    until(lambda: _has_sent_since(database, struck), waiting)
    seconds = time.monotonic() - began
    if blow is Blow.KILLED:
        sending.start()
    else:
        sending.wake()
    return seconds


def _hang_inside(database: Database, sending: Program) -> None:
    """Let a process hang in the middle of a transaction."""

    def hangs() -> bool:
        if not _is_inside(database):
            return False
        sending.hang()
        if _is_inside(database):
            return True
        sending.wake()
        return False

    until(hangs, sending)


def _is_inside(database: Database) -> bool:
    """Return whether a process is in the middle of a transaction on deliveries."""
    return database.read(lambda session: session.scalar(text(INSIDE))) is not None


def _sender(database: Database) -> Term:
    """Return the term of the process that sends."""
    query = select(Lease.name, Lease.owner, Lease.fence).where(Lease.name == "telegram")
    return Term(*database.read(lambda session: session.execute(query).one()))


def _has_sent_since(database: Database, struck: Term) -> bool:
    """Return whether another process has taken the lease from a struck one and has sent something."""
    term = _sender(database)
    sent = select(Delivery.id).where(Delivery.owner == term.token, Delivery.state == State.SENT).limit(1)
    return term != struck and database.read(lambda session: session.scalar(sent)) is not None
