"""Deliveries: one row for every message to be sent, and what became of it.

A row is written in the transaction that decides to say something; sending happens later and outside any
transaction, see `storage.outbox`. The rows of a broadcast share their text in `Content`.
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
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from storage.database import Base, BigId, Session


class State(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    CLAIMED = "claimed"
    """A process has it in hand; the call that sends it has not left."""
    SENDING = "sending"
    """The call may have left: committed before it does."""
    SENT = "sent"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    """The address is closed: blocked, deactivated, left."""
    UNKNOWN = "unknown"
    """The call left and what came of it is not known; it is not repeated by itself."""


IN_HAND = (State.CLAIMED, State.SENDING)

IN_VAIN = (State.FAILED, State.UNREACHABLE)


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

    `owner` is the token of the term (see `storage.leases`) which claimed it at `claimed_at`, `platform_ref`
    the platform's id of the sent message and `reason` why it failed.
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
        Index("ix_delivery_run_id_state", "run_id", "state"),
        Index("ix_delivery_channel_address", "channel", "address", "id"),
        Index(
            "ix_delivery_created_at",
            "created_at",
            sqlite_where=text("run_id IS NULL"),
            postgresql_where=text("run_id IS NULL"),
        ),
        Index(
            "ix_delivery_pending",
            "run_id",
            "channel",
            "priority",
            "id",
            "due_at",
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
class Birth:
    """How an answer begins: in the hands of the process that is to send it, or pending for another one.

    It is due at once, or at `due_at` if that is set.
    """

    state: State = State.PENDING
    owner: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in hand: what a channel needs to send it, how often it was tried, and in whose hands it is.

    `owner` is the token of the term which claimed it.
    """

    id: int
    channel: str
    address: str
    body: Mapping[str, Any]
    attempts: int = 0
    priority: Priority = Priority.REPLY
    run_id: int | None = None
    state: State = State.CLAIMED
    owner: str | None = None


DELIVERIES_KEPT = timedelta(days=30)
"""How long messages are kept: so long may somebody be away and still find them in the web chat."""

_TABLE = cast("Table", Delivery.__table__)
_LAST_ANSWER = (  # put together once, as every message runs it
    select(_TABLE.c.state, _TABLE.c.due_at)
    .where(_TABLE.c.channel == bindparam("channel"), _TABLE.c.address == bindparam("address"))
    .where(_TABLE.c.priority == Priority.REPLY)
    .order_by(_TABLE.c.id.desc())
    .limit(1)
)
_NEW_DELIVERY = insert(_TABLE).returning(_TABLE.c.id)  # as the class takes three times as long


def birth_behind(session: Session, target: Target, birth: Birth, now: datetime) -> Birth:
    """Return how answers begin that are to leave after the earlier ones to the same address.

    While the last of those waits, they wait behind it; else they begin as `birth` says.
    """
    last = session.execute(_LAST_ANSWER, {"channel": target.channel, "address": target.address}).first()
    if last is None or last.state not in {State.PENDING, State.CLAIMED}:
        return birth
    return Birth(due_at=max(last.due_at, now))


def add_reply(session: Session, target: Target, body: dict[str, Any], birth: Birth, now: datetime) -> Due:
    """Store an answer and return it: ready to be sent if it has an owner, who has it in hand."""
    row = _row(target, body, now) | {"priority": Priority.REPLY, "state": birth.state}
    row |= {"owner": birth.owner, "claimed_at": now if birth.owner is not None else None}
    row |= {"due_at": birth.due_at or now}
    created = session.execute(_NEW_DELIVERY, row).scalar_one()
    return Due(created, target.channel, target.address, body, state=birth.state, owner=birth.owner)


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


def set_deliveries_taken_over(session: Session, run_ids: Sequence[int], old_id: int, new_id: int) -> None:
    """Withdraw second copies from these runs: one person gets now what was written for two.

    What is on its way to either stands before what waits, and what waits for `new_id` before the rest.
    """
    copy = aliased(Delivery)
    others = select(copy.id).where(copy.run_id == Delivery.run_id, copy.state.not_in(IN_VAIN))
    waits = delete(Delivery).where(Delivery.run_id.in_(run_ids), Delivery.state == State.PENDING)
    on_its_way = others.where(copy.person_id == old_id, copy.state != State.PENDING).exists()
    session.execute(waits.where(Delivery.person_id == new_id, on_its_way))
    first = others.where(copy.person_id == new_id).exists()
    session.execute(waits.where(Delivery.person_id == old_id, first))


def set_unreachable(session: Session, channel: str, address: str) -> Sequence[int]:
    """Send nothing more of what waits for an address which is closed, also what is claimed already.

    Returns the ids of these deliveries.
    """
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == address)
    waiting = Delivery.state.in_((State.PENDING, State.CLAIMED))
    closed = query.where(waiting).values(state=State.UNREACHABLE).returning(Delivery.id)
    return session.scalars(closed).all()


def set_unknown_pending(session: Session, run_id: int, now: datetime) -> int:
    """Let the deliveries of a run whose outcome is not known be sent once more; return how many."""
    query = update(Delivery).where(Delivery.run_id == run_id, Delivery.state == State.UNKNOWN)
    again = query.values(state=State.PENDING, owner=None, attempts=0, reason=None, due_at=now)
    return len(session.scalars(again.returning(Delivery.id)).all())


def set_delivery_address(session: Session, channel: str, old: str, new: str) -> None:
    """Send what is still to be sent to an address which has moved to the new one."""
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == old)
    session.execute(query.where(Delivery.state != State.SENT).values(address=new))


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
    session.execute(query.where(Delivery.state.not_in(IN_HAND)))
