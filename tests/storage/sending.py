"""Steps of sending, each in a transaction of its own, as a process takes them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import text as sql

from storage import announcements, broadcasts, deliveries, leases, outbox, runs
from storage.announcements import Audience, Draft, Group, RunBirth
from storage.database import Database, Session
from storage.deliveries import Birth, Delivery, Due, State, Target
from storage.leases import Term
from storage.outbox import Outcome
from storage.runs import Run, RunState
from tests.storage.conftest import NOW
from tests.stores import beside

T = TypeVar("T")

MINUTE = timedelta(minutes=1)
LIFE = timedelta(hours=1)
HOME = Target("telegram", "home", 1)
EVERYONE = Group(Audience.EVERYONE)


def at_once(database: Database, work: Callable[[Session], T]) -> T:
    """Do work as another process on PostgreSQL, and raise StoreUnavailable instead of waiting for a lock."""

    def hurry(session: Session) -> T:
        session.execute(sql("SET LOCAL lock_timeout = '100ms'"))
        return work(session)

    other = beside(database)
    try:
        return other.write(hurry)
    finally:
        other.close()


def hold(database: Database, owner: str = "me", name: str = "telegram", now: datetime = NOW) -> Term:
    """Take or renew a channel's lease, which must be possible, and return the term."""
    return database.write(lambda session: leases.claim_leases(session, [name], owner, now, LIFE))[name]


def take_over(database: Database, owner: str = "other") -> Term:
    """Take the lease of a process that has slept through its expiry, and return the new term."""
    return hold(database, owner, now=NOW + LIFE)


def push(database: Database, text: str, due_at: datetime = NOW, target: Target = HOME) -> None:
    """Store a message that nobody waits for."""
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"text": text})], due_at))


def reply(database: Database, text: str, term: Term, state: State = State.CLAIMED) -> Due:
    """Store an answer that is born in the hands of a term."""
    birth = Birth(state, term.token)
    return database.write(lambda session: deliveries.add_reply(session, HOME, {"text": text}, birth, NOW))


def claim(
    database: Database, term: Term, now: datetime = NOW, *, limit: int = 50, after_run: int = 0
) -> list[Due]:
    """Claim what is due."""
    return database.write(lambda session: outbox.claim_due(session, term, now, limit, after_run))


def leave(database: Database, due: Sequence[Due], term: Term) -> set[int]:
    """Mark calls as leaving and return the ids of those which may."""
    return database.write(lambda session: outbox.set_sending(session, [one.id for one in due], term))


def record(database: Database, due: Due, state: State, **more: object) -> None:
    """Record what became of a delivery."""
    outcome = Outcome(due, state, **more)  # type: ignore[arg-type]
    database.write(lambda session: outbox.record_outcomes(session, [outcome]))


def release_others(
    database: Database, term: Term, forsaken: datetime = NOW - MINUTE, *, repeatable: bool = False
) -> None:
    """Give back what others have in hand."""
    work = partial(outbox.release_others, term=term, forsaken=forsaken, repeatable=repeatable)
    database.write(work)


def states(database: Database) -> dict[str, State]:
    """Return the state of every delivery with a text of its own, by that text."""

    def work(session: Session) -> dict[str, State]:
        return {str(row.body["text"]): row.state for row in session.query(Delivery) if row.body is not None}

    return database.read(work)


def every_row(database: Database) -> list[Delivery]:
    """Return all deliveries in the order of their ids."""
    return database.read(lambda session: session.query(Delivery).order_by(Delivery.id).all())


def texts(due: Sequence[Due]) -> list[str]:
    """Return the texts of deliveries in hand."""
    return [one.body["text"] for one in due]


def start_run(
    database: Database, text: str = "Cześć", group: Group = EVERYONE, state: RunState = RunState.FILLING
) -> int:
    """Store an announcement of the first person, turn it into a run and return the run's id."""

    def work(session: Session) -> int:
        draft = Draft("Dzień dobry", group, NOW, None, "Europe/Warsaw")
        announcement = announcements.add_announcement(session, draft, 1, NOW)
        [run_id] = announcements.add_runs(session, [RunBirth(announcement, None, state)])
        broadcasts.add_contents(session, run_id, {"pl": {"text": text}, "en": {"text": "Hello"}})
        return run_id

    return database.write(work)


def fill_page(session: Session, run_id: int, page: int) -> bool:
    """Write a page of a run's deliveries; return whether there is more to write."""
    run = runs.get_run(session, run_id)
    assert run is not None
    if run.state is RunState.FILLING:
        broadcasts.add_run_deliveries(session, run, NOW, page)
    return run.state is RunState.FILLING


def fill(database: Database, run_id: int, page: int = 5_000) -> None:
    """Write every delivery of a run, each page in a transaction of its own."""
    while database.write(lambda session: fill_page(session, run_id, page)):
        pass


def broadcast(database: Database, text: str) -> int:
    """Write a run which sends a text to everybody, and return its id."""
    run_id = start_run(database, text)
    fill(database, run_id)
    return run_id


def state_of(database: Database, run_id: int) -> RunState:
    """Return how far a run has come."""
    return database.read(lambda session: session.get_one(Run, run_id).state)


def change_run(database: Database, run_id: int, change: str) -> None:
    """Let a coordinator have a run paused, resumed, reopened or stopped."""

    def work(session: Session) -> None:
        run = runs.get_run(session, run_id)
        assert run is not None
        match change:
            case "paused":
                runs.set_run_paused(session, run, NOW)
            case "resumed":
                runs.set_run_resumed(session, run)
            case "reopened":
                runs.set_run_reopened(session, run)
            case "stopped":
                runs.set_run_stopped(session, run)

    database.write(work)
