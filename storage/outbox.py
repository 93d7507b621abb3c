"""The outbox as its sender sees it: what is due, what leaves, and what became of it.

Only the term which holds a channel's lease may claim and send there (`storage.leases`); each of its steps
is refused once another process has taken the lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, case, func, or_, select, update

from storage.database import Session
from storage.deliveries import IN_HAND, Content, Delivery, Due, Priority, State
from storage.leases import NO_FENCE, Term, is_held
from storage.runs import Run, RunState, sending_runs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery in hand; `due_at` says when a pending one is to be tried again.

    One that did not leave at all, `left` false, has not used up an attempt.
    """

    due: Due
    state: State
    platform_ref: str | None = None
    reason: str | None = None
    due_at: datetime | None = None
    left: bool = True


_TABLE = cast("Table", Delivery.__table__)
_OUTCOME = (
    update(_TABLE)  # the table, not the class: one statement for many rows
    .where(_TABLE.c.id == bindparam("the_id"), _TABLE.c.owner == bindparam("the_owner"))
    .where(or_(*(_TABLE.c.state == state for state in IN_HAND)))
    .values(
        state=bindparam("state"),
        attempts=bindparam("attempts"),
        platform_ref=bindparam("platform_ref"),
        reason=bindparam("reason"),
        due_at=func.coalesce(bindparam("due_at", type_=_TABLE.c.due_at.type), _TABLE.c.due_at),
    )
)


def claim_due(session: Session, term: Term, now: datetime, limit: int, after_run: int = 0) -> list[Due]:
    """Claim and return what is due on the term's channel, the most urgent first.

    First what belongs to no broadcast. Then runs have their turns, the one after `after_run` next, so that
    a small one does not wait for the end of a large one.
    """
    due = _pending(term.name, now).where(Delivery.run_id.is_(None))
    ids = list(session.scalars(due.order_by(Delivery.priority, Delivery.id).limit(limit)))
    room = limit - len(ids)
    run_id = _next_run(session, term.name, now, after_run) if room else None
    if run_id is not None:
        due = _pending(term.name, now).where(Delivery.run_id == run_id)
        due = due.where(Delivery.priority == Priority.BROADCAST)
        ids += session.scalars(due.order_by(Delivery.id).limit(room))
    return _claim(session, term, now, ids) if ids else []


def _pending(channel: str, now: datetime) -> Any:
    """Return a query of the ids of what is due on a channel, leaving out what another process is at."""
    query = select(Delivery.id).where(Delivery.channel == channel, Delivery.state == State.PENDING)
    return query.where(Delivery.due_at <= now).with_for_update(skip_locked=True)


def _next_run(session: Session, channel: str, now: datetime, after: int) -> int | None:
    """Return the run under way whose turn it is, of those with something due on the channel."""
    waits = (
        select(Delivery.id)
        .where(Delivery.run_id == Run.id, Delivery.channel == channel, Delivery.state == State.PENDING)
        .where(Delivery.priority == Priority.BROADCAST, Delivery.due_at <= now)
        .exists()
    )
    query = sending_runs().where(waits).order_by(Run.id).limit(1)
    found = session.scalar(query.where(Run.id > after))
    return session.scalar(query) if found is None and after else found


def _claim(session: Session, term: Term, now: datetime, ids: Sequence[int]) -> list[Due]:
    """Claim these deliveries and return those that were got, in the order of the ids."""
    # RETURNING keeps no order, so the ids are kept in theirs and the rows read by them.
    change = _change(ids).where(Delivery.state == State.PENDING, is_held(term))
    change = change.values(state=State.CLAIMED, owner=term.token, claimed_at=now)
    got = set(session.scalars(change.returning(Delivery.id)))
    table = _TABLE.c
    columns = (table.id, table.channel, table.address, table.body, table.content_id)
    query = select(*columns, table.attempts, table.priority, table.run_id).where(table.id.in_(got))
    rows = session.execute(query).all()
    contents = _contents(session, {row.content_id for row in rows} - {None})
    found = {
        row.id: Due(
            row.id,
            row.channel,
            row.address,
            row.body if row.body is not None else contents[row.content_id],
            row.attempts,
            Priority(row.priority),
            row.run_id,
            owner=term.token,
        )
        for row in rows
    }
    return [found[one] for one in ids if one in found]


def _contents(session: Session, ids: set[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return the shared messages of these ids: each is read once, however many rows share it."""
    if not ids:
        return {}
    query = select(Content.id, Content.body).where(Content.id.in_(ids))
    return {row.id: row.body for row in session.execute(query)}


def set_sending(session: Session, ids: Sequence[int], term: Term) -> set[int]:
    """Record that these calls are about to leave; return those which may.

    Those of a run that was paused or stopped meanwhile are not among them.
    """
    allowed = or_(Delivery.run_id.is_(None), Delivery.run_id.in_(sending_runs()))
    query = _change(ids).where(Delivery.owner == term.token, Delivery.state == State.CLAIMED)
    query = query.where(allowed, is_held(term)).values(state=State.SENDING)
    return set(session.scalars(query.returning(Delivery.id)))


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Record what became of deliveries in hand; one that is in other hands by now is left alone."""
    rows = [
        {
            "the_id": outcome.due.id,
            "the_owner": outcome.due.owner,
            "state": outcome.state,
            "attempts": outcome.due.attempts + outcome.left,
            "platform_ref": outcome.platform_ref,
            "reason": outcome.reason,
            "due_at": outcome.due_at,
        }
        for outcome in outcomes
    ]
    if rows:
        session.execute(_OUTCOME, rows)


def release(session: Session, ids: Sequence[int], term: Term) -> None:
    """Give back deliveries that a term has claimed and which have not left."""
    query = _change(ids).where(Delivery.owner == term.token, Delivery.state == State.CLAIMED)
    session.execute(query.values(state=State.PENDING, owner=None))


def release_others(session: Session, term: Term, forsaken: datetime, *, repeatable: bool) -> None:
    """Give back what others have in hand on the channel of a term, which has taken their place.

    Processes that need no term to send keep what they have in hand since `forsaken` or later. What is
    claimed is pending again. What may have left is so too where repeating does no harm (`repeatable`);
    elsewhere its outcome is unknown.
    """
    left = Delivery.owner.not_like(f"%:{NO_FENCE}") | (Delivery.claimed_at <= forsaken)
    others = _in_hand(term.name, repeatable=repeatable).where(Delivery.owner != term.token, left)
    session.execute(others)


def release_own(session: Session, channel: str, tokens: Sequence[str], *, repeatable: bool) -> None:
    """Give back what is in the hands of these terms, in the same way."""
    session.execute(_in_hand(channel, repeatable=repeatable).where(Delivery.owner.in_(tokens)))


def _in_hand(channel: str, *, repeatable: bool) -> Any:
    """Return an UPDATE which gives back what is in hand on a channel."""
    unknown = State.PENDING if repeatable else State.UNKNOWN
    query = update(Delivery).where(Delivery.channel == channel, Delivery.state.in_(IN_HAND))
    back = case((Delivery.state == State.CLAIMED, State.PENDING.value), else_=unknown.value)
    return query.values(state=back, owner=None).execution_options(synchronize_session=False)


def get_next_due_at(session: Session, channel: str) -> datetime | None:
    """Return when the next pending delivery of a channel may leave, if there is one."""
    pending = select(func.min(Delivery.due_at)).where(
        Delivery.channel == channel, Delivery.state == State.PENDING
    )
    free = or_(Delivery.run_id.is_(None), Delivery.run_id.in_(sending_runs()))
    return session.scalar(pending.where(free))


def set_runs_done(session: Session) -> None:
    """Close the runs of which nothing is pending or in hand any more."""
    # First the locks: whoever holds one may just be making something pending again.
    filled = select(Run.id).where(Run.state == RunState.FILLED).with_for_update(skip_locked=True)
    ids = session.scalars(filled).all()
    left = select(Delivery.id).where(Delivery.run_id == Run.id)
    left = left.where(Delivery.state.in_((State.PENDING, *IN_HAND)))
    query = update(Run).where(Run.id.in_(ids), ~left.exists())
    session.execute(query.values(state=RunState.DONE).execution_options(synchronize_session=False))


def _change(ids: Sequence[int]) -> Any:
    """Return an UPDATE of these deliveries; the session holds none of them as objects."""
    return update(Delivery).where(Delivery.id.in_(ids)).execution_options(synchronize_session=False)
