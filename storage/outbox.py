"""The outbox as its sender sees it: what is due, what leaves, and what became of it.

Only the term which holds a channel's lease may claim and send there (`storage.leases`); each of its steps
is refused once another process has taken the lease.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Integer,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)

from storage.database import Session
from storage.deliveries import IN_HAND, Content, Delivery, Due, Priority, State
from storage.leases import IS_HELD, NO_FENCE, Term, term_values
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
_COLUMNS = _TABLE.c

# These statements run for every few messages, so they are put together once, over the table and not the
# class: building and keying them anew took longer than the database did.

_NOW = bindparam("now", type_=_COLUMNS.due_at.type)
_IDS = _COLUMNS.id.in_(bindparam("ids", expanding=True))
# Where the state is a parameter, PostgreSQL cannot plan ahead with an index of what is pending only.
IS_PENDING = _COLUMNS.state == literal_column(f"'{State.PENDING}'", _COLUMNS.state.type)
IS_IN_HAND = or_(*(_COLUMNS.state == literal_column(f"'{state}'", _COLUMNS.state.type) for state in IN_HAND))
_IS_DUE = and_(_COLUMNS.channel == bindparam("channel"), IS_PENDING, _COLUMNS.due_at <= _NOW)

# In the order of the index of what is pending, for one value of `run_id`. Without `priority` PostgreSQL takes
# the primary key's order instead, and so walks through all that was sent before.
_DUE = select(_COLUMNS.id).where(_IS_DUE).order_by(_COLUMNS.priority, _COLUMNS.id)
_DUE = _DUE.limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True)
_DUE_BY_ITSELF = _DUE.where(_COLUMNS.run_id.is_(None))
_DUE_OF_RUN = _DUE.where(_COLUMNS.run_id == bindparam("run"))

_FIRST_RUN = (
    sending_runs()
    .where(select(_COLUMNS.id).where(_COLUMNS.run_id == Run.id, _IS_DUE).exists())
    .order_by(Run.id)
    .limit(1)
)
_RUN_AFTER = _FIRST_RUN.where(Run.id > bindparam("after"))

_WAITING = select(func.min(_COLUMNS.due_at)).where(_COLUMNS.channel == bindparam("channel"), IS_PENDING)
_FIRST_OF_RUN = _WAITING.where(_COLUMNS.run_id == Run.id).correlate(Run).scalar_subquery()
_NEXT_DUE = select(
    _WAITING.where(_COLUMNS.run_id.is_(None)).scalar_subquery(),
    sending_runs().with_only_columns(func.min(_FIRST_OF_RUN)).scalar_subquery(),
)

_CLAIM = (
    update(_TABLE)
    .where(_IDS, IS_PENDING, IS_HELD)
    .values(state=State.CLAIMED, owner=bindparam("token"), claimed_at=_NOW)
    .returning(
        *(_COLUMNS.id, _COLUMNS.channel, _COLUMNS.address, _COLUMNS.body, _COLUMNS.content_id),
        *(_COLUMNS.attempts, _COLUMNS.priority, _COLUMNS.run_id),
    )
)
_CONTENTS = select(Content.id, Content.body).where(Content.id.in_(bindparam("ids", expanding=True)))
_LEAVE = (
    update(_TABLE)
    .where(_IDS, _COLUMNS.owner == bindparam("token"), _COLUMNS.state == State.CLAIMED, IS_HELD)
    .where(or_(_COLUMNS.run_id.is_(None), _COLUMNS.run_id.in_(sending_runs())))
    .values(state=State.SENDING)
    .returning(_COLUMNS.id)
)
_OUTCOME = (
    update(_TABLE)
    .where(_COLUMNS.id == bindparam("the_id"), _COLUMNS.owner == bindparam("the_owner"))
    .where(or_(*(_COLUMNS.state == state for state in IN_HAND)))
    .values(
        state=bindparam("state"),
        attempts=bindparam("attempts"),
        platform_ref=bindparam("platform_ref"),
        reason=bindparam("reason"),
        due_at=func.coalesce(bindparam("due_at", type_=_COLUMNS.due_at.type), _COLUMNS.due_at),
    )
)


def claim_due(session: Session, term: Term, now: datetime, limit: int, after_run: int = 0) -> list[Due]:
    """Claim and return what is due on the term's channel, the most urgent first.

    First what belongs to no broadcast. Then runs have their turns, the one after `after_run` next, so that
    a small one does not wait for the end of a large one.
    """
    due = {"channel": term.name, "now": now}
    ids = list(session.scalars(_DUE_BY_ITSELF, due | {"most": limit}))
    room = limit - len(ids)
    run_id = _next_run(session, due, after_run) if room else None
    if run_id is not None:
        ids += session.scalars(_DUE_OF_RUN, due | {"run": run_id, "most": room})
    return _claim(session, term, now, ids) if ids else []


def claim_urgent(session: Session, term: Term, now: datetime, limit: int) -> list[Due]:
    """Claim and return what is due on the term's channel and belongs to no broadcast."""
    ids = list(session.scalars(_DUE_BY_ITSELF, {"channel": term.name, "now": now, "most": limit}))
    return _claim(session, term, now, ids) if ids else []


def _next_run(session: Session, due: dict[str, Any], after: int) -> int | None:
    """Return the run under way whose turn it is, of those with something due on the channel."""
    found = session.scalar(_RUN_AFTER, due | {"after": after})
    return session.scalar(_FIRST_RUN, due) if found is None and after else found


def _claim(session: Session, term: Term, now: datetime, ids: Sequence[int]) -> list[Due]:
    """Claim these deliveries and return those that were got, in the order of the ids."""
    values = {"ids": ids, "token": term.token, "now": now, **term_values(term)}
    rows = {row.id: row for row in session.execute(_CLAIM, values)}  # RETURNING keeps no order
    contents = _contents(session, {row.content_id for row in rows.values()} - {None})
    return [
        Due(
            row.id,
            row.channel,
            row.address,
            row.body if row.body is not None else contents[row.content_id],
            row.attempts,
            Priority(row.priority),
            row.run_id,
            owner=term.token,
        )
        for row in (rows[one] for one in ids if one in rows)
    ]


def _contents(session: Session, ids: set[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return the shared messages of these ids: each is read once, however many rows share it."""
    if not ids:
        return {}
    return {row.id: row.body for row in session.execute(_CONTENTS, {"ids": list(ids)})}


def set_sending(session: Session, ids: Sequence[int], term: Term) -> set[int]:
    """Record that these calls are about to leave; return those which may.

    Those of a run that was paused or stopped meanwhile are not among them.
    """
    values = {"ids": ids, "token": term.token, **term_values(term)}
    return set(session.scalars(_LEAVE, values))


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


def release_claimed(session: Session, term: Term) -> None:
    """Give back everything that a term has claimed and which has not left."""
    query = update(Delivery).where(Delivery.channel == term.name, Delivery.state == State.CLAIMED)
    query = query.where(Delivery.owner == term.token).values(state=State.PENDING, owner=None)
    session.execute(query.execution_options(synchronize_session=False))


def release_forgotten(session: Session, term: Term, known: Collection[int], before: datetime) -> None:
    """Give back what is in the hands of a term since `before` or longer without its process knowing of it.

    That is what was stored although the store could not say so any more. It has not left: whatever leaves is
    `known` until its outcome is recorded.
    """
    query = _in_hand(term.name, repeatable=True).where(Delivery.owner == term.token)
    query = query.where(Delivery.claimed_at <= before, Delivery.id.not_in(known))
    session.execute(query)


def release_others(session: Session, term: Term, forsaken: datetime, *, repeatable: bool) -> None:
    """Give back what others have in hand on the channel of a term, which has taken their place.

    Processes that need no term to send keep what they have in hand since `forsaken` or later. What is
    claimed is pending again. What may have left is so too where repeating does no harm (`repeatable`);
    elsewhere its outcome is unknown.
    """
    left = Delivery.owner.not_like(f"%:{NO_FENCE}") | (Delivery.claimed_at <= forsaken)
    others = _in_hand(term.name, repeatable=repeatable).where(Delivery.owner != term.token, left)
    session.execute(others.where(IS_HELD), term_values(term))  # else it would take from its successor


def release_own(session: Session, channel: str, tokens: Sequence[str]) -> None:
    """Give back what is in the hands of these terms once the outcome of all that left is recorded."""
    session.execute(_in_hand(channel, repeatable=True).where(Delivery.owner.in_(tokens)))


def _in_hand(channel: str, *, repeatable: bool) -> Any:
    """Return an UPDATE which gives back what is in hand on a channel."""
    unknown = State.PENDING if repeatable else State.UNKNOWN
    query = update(Delivery).where(Delivery.channel == channel, IS_IN_HAND)
    back = case((Delivery.state == State.CLAIMED, State.PENDING.value), else_=unknown.value)
    return query.values(state=back, owner=None).execution_options(synchronize_session=False)


def get_next_due_at(session: Session, channel: str) -> datetime | None:
    """Return when the next pending delivery of a channel may leave, if there is one."""
    times = session.execute(_NEXT_DUE, {"channel": channel}).one()
    return min(filter(None, times), default=None)


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
