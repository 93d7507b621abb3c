"""The outbox: one row for every message to be sent, and what became of it.

A row is written in the transaction that decides to say something; sending happens later and outside any
transaction. The rows of a broadcast share their text in `Content`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, cast

from sqlalchemy import (
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, BigId, Session


class State(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Priority(IntEnum):
    """What is sent first."""

    REPLY = 0
    PUSH = 1
    BROADCAST = 2


class Content(Base):
    """The message of a broadcast's run in one language, as `Outgoing.to_json` writes it."""

    __tablename__ = "content"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    locale: Mapped[str]
    body: Mapped[dict[str, Any]]

    __table_args__ = (UniqueConstraint("run_id", "locale"),)


class Delivery(Base):
    """One message to one address: its own `body`, or the `content` that it shares with others.

    `owner` is the process which claimed it at `claimed_at`, `platform_ref` the platform's id of the sent
    message and `reason` why it failed.
    """

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str]
    address: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[State]
    body: Mapped[dict[str, Any] | None]
    content_id: Mapped[int | None] = mapped_column(ForeignKey("content.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    person_id: Mapped[int | None]
    due_at: Mapped[datetime]
    owner: Mapped[str | None]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    platform_ref: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("run_id", "person_id"),
        Index("ix_delivery_created_at", "created_at"),
        Index("ix_delivery_channel_address", "channel", "address", "id"),
        Index(
            "ix_delivery_pending",
            "channel",
            "priority",
            "due_at",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_delivery_in_hand",
            "channel",
            "claimed_at",
            sqlite_where=text("state IN ('claimed', 'sending')"),
            postgresql_where=text("state IN ('claimed', 'sending')"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes."""

    channel: str
    address: str
    person_id: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in hand: what a channel needs to send it, and how often it was tried before."""

    id: int
    channel: str
    address: str
    body: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery in hand; `due_at` says when a pending one is to be tried again."""

    due: Due
    state: State
    platform_ref: str | None = None
    reason: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the mailbox of an address: a delivery as its reader sees it."""

    id: int
    created_at: datetime
    body: Mapping[str, Any]


DELIVERIES_KEPT = timedelta(days=30)
"""How long messages are kept: so long may somebody be away and still find them in the web chat."""

_TABLE = cast("Table", Delivery.__table__)
_BODY = func.coalesce(Delivery.body, Content.body, type_=_TABLE.c.body.type)
_NEW_DELIVERY = insert(_TABLE).returning(_TABLE.c.id)  # as the class takes three times as long
_OUTCOME = (
    update(_TABLE)  # the table, not the class: one statement for many rows
    .where(_TABLE.c.id == bindparam("the_id"), _TABLE.c.owner == bindparam("the_owner"))
    .where(or_(_TABLE.c.state == State.CLAIMED, _TABLE.c.state == State.SENDING))
    .values(
        state=bindparam("state"),
        attempts=bindparam("attempts"),
        platform_ref=bindparam("platform_ref"),
        reason=bindparam("reason"),
        due_at=func.coalesce(bindparam("due_at", type_=_TABLE.c.due_at.type), _TABLE.c.due_at),
    )
)


def add_reply(session: Session, target: Target, body: dict[str, Any], owner: str, now: datetime) -> Due:
    """Store an answer that is born claimed by this process, and return it ready to be sent."""
    row = _row(target, body, now) | {"priority": Priority.REPLY, "state": State.CLAIMED}
    row |= {"owner": owner, "claimed_at": now}
    created = session.execute(_NEW_DELIVERY, row).scalar_one()
    return Due(created, target.channel, target.address, body, 0)


def add_pushes(session: Session, letters: Sequence[tuple[Target, dict[str, Any]]], now: datetime) -> None:
    """Store messages that nobody is waiting for, given as (target, body); the sender finds them."""
    waiting = {"priority": Priority.PUSH, "state": State.PENDING}
    if letters:
        session.execute(insert(Delivery), [_row(target, body, now) | waiting for target, body in letters])


def _row(target: Target, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the columns that every new delivery has."""
    return {
        "channel": target.channel,
        "address": target.address,
        "person_id": target.person_id,
        "body": body,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def claim_due(session: Session, channel: str, owner: str, now: datetime, limit: int = 50) -> list[Due]:
    """Claim and return the most urgent deliveries of a channel, the most urgent first."""
    due = (
        select(Delivery.id)
        .where(Delivery.channel == channel, Delivery.state == State.PENDING, Delivery.due_at <= now)
        .order_by(Delivery.priority, Delivery.due_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # RETURNING keeps no order, so the ids are kept in theirs and the rows read by them.
    ids = session.scalars(due).all()
    if not ids:
        return []
    session.execute(_change(ids).values(state=State.CLAIMED, owner=owner, claimed_at=now))
    query = (
        select(Delivery.id, Delivery.channel, Delivery.address, _BODY, Delivery.attempts)
        .outerjoin(Content, Content.id == Delivery.content_id)
        .where(Delivery.id.in_(ids))
    )
    found = {row.id: Due(*row) for row in session.execute(query)}
    return [found[one] for one in ids]


def set_sending(session: Session, ids: Sequence[int], owner: str) -> set[int]:
    """Record that these calls are about to leave; return those which are still this process's to send."""
    query = _change(ids).where(Delivery.owner == owner, Delivery.state == State.CLAIMED)
    return set(session.scalars(query.values(state=State.SENDING).returning(Delivery.id)))


def record_outcomes(session: Session, outcomes: Sequence[Outcome], owner: str) -> None:
    """Record what became of deliveries in hand; one that is no longer this process's is left alone."""
    rows = [
        {
            "the_id": outcome.due.id,
            "the_owner": owner,
            "state": outcome.state,
            "attempts": outcome.due.attempts + 1,
            "platform_ref": outcome.platform_ref,
            "reason": outcome.reason,
            "due_at": outcome.due_at,
        }
        for outcome in outcomes
    ]
    session.execute(_OUTCOME, rows)


def release_in_hand(session: Session, channel: str, *, owner: str | None, claimed_by: datetime) -> None:
    """Give back what was in hand since `claimed_by` or longer: claimed is pending again, sending unknown.

    `owner` None means whoever had it.
    """
    for was, now_is in ((State.CLAIMED, State.PENDING), (State.SENDING, State.UNKNOWN)):
        query = update(Delivery).where(Delivery.channel == channel, Delivery.state == was)
        query = query.where(Delivery.claimed_at <= claimed_by)
        if owner is not None:
            query = query.where(Delivery.owner == owner)
        session.execute(query.values(state=now_is, owner=None))


def set_unreachable(session: Session, channel: str, address: str) -> None:
    """Send nothing more of what waits for an address which is closed."""
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == address)
    session.execute(query.where(Delivery.state == State.PENDING).values(state=State.UNREACHABLE))


def get_next_due_at(session: Session, channel: str) -> datetime | None:
    """Return when the next pending delivery of a channel is due, if there is one."""
    query = select(func.min(Delivery.due_at)).where(Delivery.channel == channel)
    return session.scalar(query.where(Delivery.state == State.PENDING))


def set_delivery_address(session: Session, channel: str, old: str, new: str) -> None:
    """Send what is still to be sent to an address which has moved to the new one."""
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == old)
    session.execute(query.where(Delivery.state != State.SENT).values(address=new))


def list_mailbox(session: Session, channel: str, address: str, after: int, limit: int) -> list[Letter]:
    """Return the messages to an address with an id above `after`, in order, sent already or not."""
    query = (
        select(Delivery.id, Delivery.created_at, _BODY)
        .outerjoin(Content, Content.id == Delivery.content_id)
        .where(Delivery.channel == channel, Delivery.address == address, Delivery.id > after)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [Letter(*row) for row in session.execute(query)]


def count_states(session: Session, run_ids: Sequence[int]) -> dict[int, dict[State, int]]:
    """Return how many deliveries of each run are in which state, by run id."""
    query = (
        select(Delivery.run_id, Delivery.state, func.count())
        .where(Delivery.run_id.in_(run_ids))
        .group_by(Delivery.run_id, Delivery.state)
    )
    counts: dict[int, dict[State, int]] = {run_id: {} for run_id in run_ids}
    for run_id, state, count in session.execute(query):
        counts[run_id or 0][state] = count
    return counts


def delete_old_deliveries(session: Session, now: datetime) -> None:
    """Delete answers and notices past their time; a broadcast's rows stay while its run is counted."""
    query = delete(Delivery).where(Delivery.created_at < now - DELIVERIES_KEPT, Delivery.run_id.is_(None))
    session.execute(query.where(Delivery.state.not_in((State.CLAIMED, State.SENDING))))


def _change(ids: Sequence[int]) -> Any:
    """Return an UPDATE of these deliveries; the session holds none of them as objects."""
    return update(Delivery).where(Delivery.id.in_(ids)).execution_options(synchronize_session=False)
