"""The mailbox of an address: the messages to it as their reader sees them, in a chat that is read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from storage.database import Session
from storage.deliveries import Content, Delivery, Priority, State


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the mailbox of an address: a delivery as its reader sees it.

    `ref` is the platform's id of it, None while it was not sent. `announced`: it is an announcement's.
    """

    id: int
    created_at: datetime
    body: Mapping[str, Any]
    ref: str | None = None
    announced: bool = False


LATE = timedelta(minutes=1)
"""How much older a message may be than another one and still have come into the mailbox after it."""

_BODY = func.coalesce(Delivery.body, Content.body, type_=Delivery.__table__.c.body.type)
_SAID_AT = func.coalesce(Delivery.claimed_at, Delivery.created_at)


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


def get_file_ref(session: Session, channel: str, address: str, token: str) -> Mapping[str, Any] | None:
    """Return what a message in the mailbox of an address says of the file with a token, if one carries it."""
    carries = _BODY["file"]["token"].as_string() == token
    row = session.execute(_mailbox(channel, address).where(carries).limit(1)).first()
    found: Mapping[str, Any] | None = Letter(*row).body["file"] if row is not None else None
    return found


def get_letters(session: Session, ids: Sequence[int]) -> dict[int, Letter]:
    """Return the messages with these ids, those which are still kept, by id."""
    query = _all_letters().where(Delivery.id.in_(ids))
    return {row[0]: Letter(*row) for row in session.execute(query)}


def list_last_answers(
    session: Session, channel: str, address: str, but: Sequence[str], limit: int
) -> list[Letter]:
    """Return the last answers to an address that were sent, the newest first, without those of some ids.

    The ids are the platform's.
    """
    query = _letters(channel, address).where(Delivery.priority == Priority.REPLY)
    query = query.where(Delivery.platform_ref.is_not(None), Delivery.platform_ref.not_in(but))
    query = query.order_by(Delivery.id.desc()).limit(limit)
    return [Letter(*row) for row in session.execute(query)]


def _mailbox(channel: str, address: str) -> Select[int, datetime, Any, str | None, bool]:
    """Return a query of the letters in the mailbox of an address, in the order of ids."""
    waiting = Delivery.run_id.is_not(None) & Delivery.state.in_((State.PENDING, State.CLAIMED))
    return _letters(channel, address).where(~waiting).order_by(Delivery.id)


def _letters(channel: str, address: str) -> Select[int, datetime, Any, str | None, bool]:
    """Return a query of the messages to an address."""
    return _all_letters().where(Delivery.channel == channel, Delivery.address == address)


def _all_letters() -> Select[int, datetime, Any, str | None, bool]:
    """Return a query of all messages."""
    announced = Delivery.run_id.is_not(None)
    query = select(Delivery.id, Delivery.created_at, _BODY, Delivery.platform_ref, announced)
    return query.outerjoin(Content, Content.id == Delivery.content_id)
