"""Closing an address: what waits for it goes to the same person on another account, if there is one."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, insert, select

from storage import outbox
from storage.database import Session
from storage.deliveries import Delivery, Priority, State, set_unreachable
from storage.outbox import Outcome
from storage.people import Account, get_open_accounts, set_accounts_closed
from storage.rooms import set_room_closed

_TABLE = cast("Table", Delivery.__table__)
_COLUMNS = _TABLE.c
_KEPT = (
    *(_COLUMNS.id, _COLUMNS.priority, _COLUMNS.body, _COLUMNS.content_id),
    *(_COLUMNS.run_id, _COLUMNS.person_id, _COLUMNS.created_at),
)
"""What a delivery to another address has in common with the one whose place it takes."""


def record_outcomes(session: Session, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Record what became of deliveries in hand, and close the addresses that turned out to be unreachable."""
    outbox.record_outcomes(session, outcomes)
    for outcome in outcomes:
        if outcome.state is State.UNREACHABLE:
            set_address_closed(session, outcome.due.channel, outcome.due.address, now, outcome.due.id)


def set_address_closed(
    session: Session, channel: str, address: str, now: datetime, failed_id: int | None = None
) -> bool:
    """Record that nothing reaches an address any more; return whether something goes elsewhere instead.

    What waits for it, and the delivery that has just failed there, is sent to another open account of the
    same person, if there is one; answers are not, as the question was asked here.
    """
    set_accounts_closed(session, channel, address, now)
    account = _get_other_account(session, channel, address)
    moved = account is not None and _redirect(session, (channel, address, failed_id), account, now)
    set_unreachable(session, channel, address)
    return set_room_closed(session, channel, address, now) or moved


def _get_other_account(session: Session, channel: str, address: str) -> Account | None:
    """Return an open account of the person whom an address has reached; None where it has reached several."""
    here = select(Account.person_id).where(Account.channel == channel, Account.address == address)
    owners = session.scalars(here.distinct()).all()
    return get_open_accounts(session, owners).get(owners[0]) if len(owners) == 1 else None


def _redirect(session: Session, closed: tuple[str, str, int | None], account: Account, now: datetime) -> bool:
    """Send what waits for a closed address to an account; return whether there was anything.

    The new rows have new ids, as the reader of a mailbox asks for what came after the last id.
    """
    channel, address, failed_id = closed
    failed = (_COLUMNS.id == failed_id) & (_COLUMNS.state == State.UNREACHABLE)
    waits = delete(_TABLE).where(_COLUMNS.channel == channel, _COLUMNS.address == address)
    waiting = _COLUMNS.state.in_((State.PENDING, State.CLAIMED))  # whoever has claimed it finds it gone
    waits = waits.where(_COLUMNS.priority != Priority.REPLY, failed | waiting)
    taken = sorted(session.execute(waits.returning(*_KEPT)).mappings(), key=lambda row: int(row["id"]))
    place = {"channel": account.channel, "address": account.address}
    anew = {"state": State.PENDING, "due_at": now, "attempts": 0, **place}
    rows = [{name: value for name, value in row.items() if name != "id"} | anew for row in taken]
    if rows:
        session.execute(insert(_TABLE), rows)
    return bool(rows)
