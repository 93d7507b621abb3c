"""The ledger of what was to be sent, beside what really arrived."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from storage.announcements import Announcement
from storage.database import Database, Session
from storage.deliveries import IN_HAND, Delivery, State
from storage.runs import Run, RunState
from tests.soak.people import MARKER
from tests.soak.verdict import Verdict

UNKNOWN_PER_KILL = 10
"""How many pushes at most are under way when a process is killed (`bot.sender.LEAVING_AT_ONCE`)."""

_TEXT = re.compile(rf"{MARKER} \d+\.")

OPEN = (State.PENDING, *IN_HAND)

Key = tuple[str, str]
"""An address and the text of an announcement."""


class Row(NamedTuple):
    """One delivery of a run."""

    address: str
    text: str
    state: State


def count_settled(database: Database) -> int:
    """Return how many deliveries of runs have an outcome."""
    query = select(func.count()).select_from(Delivery).where(Delivery.run_id.is_not(None))
    return database.read(lambda session: session.scalar(query.where(Delivery.state.not_in(OPEN))) or 0)


def is_drained(database: Database) -> bool:
    """Return whether nothing falls due any more and nothing is to be sent or under way."""

    def look(session: Session) -> bool:
        coming = select(Announcement.id).where(Announcement.next_at.is_not(None)).exists()
        going = select(Run.id).where(Run.state != RunState.DONE).exists()
        unsent = select(Delivery.id).where(Delivery.state.in_(OPEN)).exists()
        return not session.scalar(select(coming | going | unsent))

    return database.read(look)


def list_broadcast(database: Database) -> list[Row]:
    """Return every delivery of every run."""
    query = (
        select(Delivery.address, Announcement.text, Delivery.state)
        .join(Run, Run.id == Delivery.run_id)
        .join(Announcement, Announcement.id == Run.announcement_id)
    )
    return [Row(*row) for row in database.read(lambda session: session.execute(query).all())]


def list_run_states(database: Database) -> list[tuple[str, RunState]]:
    """Return every run: the text of its announcement and its state."""
    query = select(Announcement.text, Run.state).join(Run, Run.announcement_id == Announcement.id)
    return [(text, state) for text, state in database.read(lambda session: session.execute(query).all())]


def announcements_in(chats: Mapping[str, Sequence[str]]) -> Counter[Key]:
    """Return how often each announcement arrived in each chat, of all that the chats show."""
    return Counter(
        (address, found)
        for address, texts in chats.items()
        for text in texts
        for found in _TEXT.findall(text)
    )


def judge(
    verdict: Verdict, database: Database, arrived: Counter[Key], expected: set[Key], unknown_at_most: int
) -> None:
    """Demand that everybody has every announcement once, or that the ledger does not know."""
    rows = list_broadcast(database)
    states = {(row.address, row.text): row.state for row in rows}
    texts = {text for _, text in expected}
    verdict.demand("runs", sorted(list_run_states(database)), sorted((text, RunState.DONE) for text in texts))
    verdict.figures["runs"] = f"{len(texts)}, done"
    verdict.demand("rows", (len(rows), set(states) == expected), (len(expected), True))
    verdict.figures["rows"] = len(rows)
    unknown = {key for key, state in states.items() if state is State.UNKNOWN}
    verdict.note(arrived=len(arrived), unknown_that_arrived=len(unknown & arrived.keys()))
    verdict.demand("duplicates", arrived.total() - len(arrived), 0)
    verdict.demand("lost", len(expected - arrived.keys() - unknown), 0)
    verdict.demand("unexpected", len(arrived.keys() - expected), 0)
    verdict.demand("neither sent nor unknown", _others(states), {})
    verdict.demand_at_most("unknown", len(unknown), unknown_at_most)


def _others(states: Mapping[Key, State]) -> dict[State, int]:
    """Return how many rows are in a state in which none may be at the end."""
    return Counter(state for state in states.values() if state not in {State.SENT, State.UNKNOWN})
