"""Conversations: where somebody talks with the bot, which form is open and what was offered last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Insert, UniqueConstraint, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, contains_eager, joinedload, mapped_column, relationship

from storage.database import Base, Session, dialect_of, insert_for, insert_into
from storage.deliveries import set_delivery_address
from storage.people import Account, Person, add_person
from storage.rooms import set_room_address


class Conversation(Base):
    """One person in one chat: the state that the next message is understood by.

    `form` is the open form ({} for none), `offered` the options offered last as [label, value] pairs,
    `topic` what was asked about last.
    """

    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    address: Mapped[str]
    form: Mapped[dict[str, Any]] = mapped_column(default=dict)
    offered: Mapped[list[Any]] = mapped_column(default=list)
    topic: Mapped[str | None]

    account: Mapped[Account] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("account_id", "address"),)


class Receipt(Base):
    """An event of a channel which was handled: the same event once more is a no-op."""

    __tablename__ = "receipt"

    channel: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks and where, as a channel tells it; `name` and `locale` are used for somebody new."""

    channel: str
    sender: str
    address: str
    private: bool
    name: str
    locale: str


RECEIPTS_KEPT = timedelta(days=3)
"""How long receipts are kept: Telegram repeats an update for at most 24 hours (Bot API, getUpdates)."""


def add_receipt(session: Session, channel: str, event_id: str, now: datetime) -> bool:
    """Record that an event is being handled; return False when it was handled before."""
    values = {"channel": channel, "event_id": event_id, "received_at": now}
    return session.execute(_new_receipt(dialect_of(session)), values).first() is not None


def delete_old_receipts(session: Session, now: datetime) -> None:
    """Delete the receipts that nobody can repeat any more."""
    session.execute(delete(Receipt).where(Receipt.received_at < now - RECEIPTS_KEPT))


def ensure_conversation(session: Session, caller: Caller, now: datetime) -> Conversation:
    """Return the caller's conversation, locked and with its account and person; made when it is new."""
    found = _locked(session, caller)
    if found is None:
        account = _ensure_account(session, caller, now)
        row = insert_into(session, Conversation).values(
            account_id=account.id, address=caller.address, form={}, offered=[], topic=None
        )
        session.execute(row.on_conflict_do_nothing())
        found = _locked(session, caller)
    if found is None:
        raise LookupError("a conversation that was just stored is not there")
    if caller.private and (found.account.closed_at or found.account.address != caller.address):
        found.account.closed_at = None  # whoever writes can be reached
        found.account.address = caller.address
    return found


def set_address_moved(session: Session, channel: str, old: str, new: str) -> None:
    """Let everything that is kept under an address go on under another one."""
    accounts = select(Account.id).where(Account.channel == channel)
    taken = select(Conversation.account_id).where(Conversation.address == new)
    session.execute(
        update(Conversation)
        .where(Conversation.address == old, Conversation.account_id.in_(accounts))
        .where(Conversation.account_id.not_in(taken))
        .values(address=new)
    )
    query = update(Account).where(Account.channel == channel, Account.address == old)
    session.execute(query.values(address=new))
    set_room_address(session, channel, old, new)
    set_delivery_address(session, channel, old, new)


def _locked(session: Session, caller: Caller) -> Conversation | None:
    """Return the conversation, account and person under row locks (on SQLite the transaction is the lock)."""
    where = {"channel": caller.channel, "sender": caller.sender, "address": caller.address}
    return session.scalars(_LOCKED, where).one_or_none()


# What every message needs is put together once: that takes longer than running it.

_LOCKED = (
    select(Conversation)
    .join(Conversation.account)
    .join(Account.person)
    .where(Account.channel == bindparam("channel"), Account.sender == bindparam("sender"))
    .where(Conversation.address == bindparam("address"))
    .options(contains_eager(Conversation.account).contains_eager(Account.person))
    # All three: a row that is not locked may come as it was before the wait for one that is (PostgreSQL).
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)


@cache
def _new_receipt(dialect: str) -> Insert:
    """Return the INSERT of a receipt, which returns nothing when there is one."""
    return insert_for(dialect, Receipt).on_conflict_do_nothing().returning(Receipt.channel)


def _ensure_account(session: Session, caller: Caller, now: datetime) -> Account:
    """Return the caller's account, made together with a person when it is new."""
    query = (
        select(Account)
        .where(Account.channel == caller.channel, Account.sender == caller.sender)
        .options(joinedload(Account.person))
    )
    found = session.scalars(query).one_or_none()
    if found is not None:
        return found
    person: Person = add_person(session, caller.name, caller.locale, now)
    row = insert_into(session, Account).values(
        channel=caller.channel, sender=caller.sender, person_id=person.id
    )
    created = session.execute(row.on_conflict_do_nothing().returning(Account.id)).first()
    if created is None:  # another process was faster: its person stands
        session.delete(person)
        session.flush()
    return session.scalars(query).one()
