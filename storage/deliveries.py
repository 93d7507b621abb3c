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
    Select,
    SmallInteger,
    Table,
    UniqueConstraint,
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

_IN_VAIN = (State.FAILED, State.UNREACHABLE)


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
    """How an answer begins: in the hands of the process that is to send it, or pending for another one."""

    state: State = State.PENDING
    owner: str | None = None


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


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the mailbox of an address: a delivery as its reader sees it.

    `ref` is the platform's id of it, None while it was not sent.
    """

    id: int
    created_at: datetime
    body: Mapping[str, Any]
    ref: str | None = None


DELIVERIES_KEPT = timedelta(days=30)
"""How long messages are kept: so long may somebody be away and still find them in the web chat."""

LATE = timedelta(minutes=1)
"""How much older a message may be than another one and still have come into the mailbox after it."""

_TABLE = cast("Table", Delivery.__table__)
_BODY = func.coalesce(Delivery.body, Content.body, type_=_TABLE.c.body.type)
_SAID_AT = func.coalesce(Delivery.claimed_at, Delivery.created_at)
_NEW_DELIVERY = insert(_TABLE).returning(_TABLE.c.id)  # as the class takes three times as long


def add_reply(
    session: Session, target: Target, body: dict[str, Any], birth: Birth, now: datetime
) -> Due | None:
    """Store an answer; return it ready to be sent if it was born in hand, else None."""
    row = _row(target, body, now) | {"priority": Priority.REPLY, "state": birth.state}
    row |= {"owner": birth.owner, "claimed_at": now if birth.owner is not None else None}
    created = session.execute(_NEW_DELIVERY, row).scalar_one()
    if birth.owner is None:
        return None
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
    others = select(copy.id).where(copy.run_id == Delivery.run_id, copy.state.not_in(_IN_VAIN))
    waits = delete(Delivery).where(Delivery.run_id.in_(run_ids), Delivery.state == State.PENDING)
    on_its_way = others.where(copy.person_id == old_id, copy.state != State.PENDING).exists()
    session.execute(waits.where(Delivery.person_id == new_id, on_its_way))
    first = others.where(copy.person_id == new_id).exists()
    session.execute(waits.where(Delivery.person_id == old_id, first))


def set_unreachable(session: Session, channel: str, address: str) -> None:
    """Send nothing more of what waits for an address which is closed."""
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == address)
    session.execute(query.where(Delivery.state == State.PENDING).values(state=State.UNREACHABLE))


def set_unknown_pending(session: Session, run_id: int, now: datetime) -> int:
    """Let the deliveries of a run whose outcome is not known be sent once more; return how many."""
    query = update(Delivery).where(Delivery.run_id == run_id, Delivery.state == State.UNKNOWN)
    again = query.values(state=State.PENDING, owner=None, attempts=0, reason=None, due_at=now)
    return len(session.scalars(again.returning(Delivery.id)).all())


def set_delivery_address(session: Session, channel: str, old: str, new: str) -> None:
    """Send what is still to be sent to an address which has moved to the new one."""
    query = update(Delivery).where(Delivery.channel == channel, Delivery.address == old)
    session.execute(query.where(Delivery.state != State.SENT).values(address=new))


def list_mailbox(session: Session, channel: str, address: str, after: int, limit: int) -> list[Letter]:
    """Return the messages to an address with an id above `after`, in order.

    What only waits for its turn in a broadcast, which may still be stopped, is not among them.
    """
    query = _mailbox(channel, address).where(Delivery.id > after).limit(limit)
    return [Letter(*row) for row in session.execute(query)]


def list_late_letters(session: Session, channel: str, address: str, since: int, up_to: int) -> list[Letter]:
    """Return the messages to an address with an id of at most `up_to` that are younger than the one `since`.

    They were not there yet, perhaps, when that was read: in a broadcast the ids are drawn long before, and
    two transactions may commit in the other order than they drew theirs. 0: all of them.
    """
    query = _mailbox(channel, address).where(Delivery.id <= up_to, Delivery.id != since)
    if since:
        known = select(_SAID_AT).where(Delivery.id == since, Delivery.address == address)
        said_at = session.scalar(known)
        if said_at is None:
            return []
        query = query.where(said_at - LATE <= _SAID_AT)
    return [Letter(*row) for row in session.execute(query)]


def get_letter(session: Session, channel: str, address: str, ref: str) -> Letter | None:
    """Return the newest message to an address which the platform knows by an id, if there is one."""
    query = _letters(channel, address).where(Delivery.platform_ref == ref)
    row = session.execute(query.order_by(Delivery.id.desc()).limit(1)).first()
    return Letter(*row) if row is not None else None


def list_last_answers(session: Session, channel: str, address: str, limit: int) -> list[Letter]:
    """Return the last answers to an address that were sent, the newest first."""
    query = _letters(channel, address).where(Delivery.priority == Priority.REPLY)
    query = query.where(Delivery.platform_ref.is_not(None)).order_by(Delivery.id.desc()).limit(limit)
    return [Letter(*row) for row in session.execute(query)]


def _mailbox(channel: str, address: str) -> Select[int, datetime, Any, str | None]:
    """Return a query of the letters in the mailbox of an address, in the order of ids."""
    waiting = Delivery.run_id.is_not(None) & Delivery.state.in_((State.PENDING, State.CLAIMED))
    return _letters(channel, address).where(~waiting).order_by(Delivery.id)


def _letters(channel: str, address: str) -> Select[int, datetime, Any, str | None]:
    """Return a query of the messages to an address."""
    query = select(Delivery.id, Delivery.created_at, _BODY, Delivery.platform_ref)
    query = query.outerjoin(Content, Content.id == Delivery.content_id)
    return query.where(Delivery.channel == channel, Delivery.address == address)


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
