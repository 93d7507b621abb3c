"""Letters to rooms: of a run, one in each that announces, in place of the deliveries to everybody there.

They are the deliveries of a run that are to no person.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, select, update

from storage.database import Session
from storage.deliveries import IN_VAIN, Delivery, Priority, State
from storage.people import Account
from storage.rooms import Room, RoomMember
from storage.runs import Run, RunState


def add_room_letters(
    session: Session, run: Run, letters: Sequence[tuple[Room, dict[str, Any]]], now: datetime
) -> None:
    """Write the letters of a run, given as (room, message)."""
    rows = [
        {
            "channel": room.channel,
            "address": room.address,
            "priority": Priority.BROADCAST,
            "state": State.PENDING,
            "body": body,
            "run_id": run.id,
            "due_at": now,
            "attempts": 0,
            "created_at": now,
        }
        for room, body in letters
    ]
    if rows:
        session.execute(insert(Delivery), rows)


def set_runs_refilled(session: Session, delivery_ids: Sequence[int]) -> None:
    """Let the runs reach each person in the rooms to which their letters, among these, came to nothing."""
    if not delivery_ids:
        return
    in_vain = select(Delivery.run_id).where(Delivery.id.in_(delivery_ids), Delivery.state.in_(IN_VAIN))
    in_vain = in_vain.where(Delivery.run_id.is_not(None), Delivery.person_id.is_(None))
    query = update(Run).where(Run.id.in_(in_vain), Run.state != RunState.STOPPED)
    refilled = query.values(state=RunState.FILLING, cursor=0)
    session.execute(refilled.execution_options(synchronize_session=False))


def would_be_told(session: Session) -> ColumnElement[bool] | None:
    """Return the condition under which an account is in a room that announces; None where no room does."""
    return _is_in(session, select(Room.id).where(Room.announces, Room.closed_at.is_(None)))


def is_told(session: Session, run: Run) -> ColumnElement[bool] | None:
    """Return the condition under which an account is in a room with a letter of a run; None where none is.

    What is decided about rooms while a run is filled is for the next one.
    """
    here = (Delivery.channel == Room.channel) & (Delivery.address == Room.address)
    query = select(Room.id).join(Delivery, here).where(Delivery.run_id == run.id)
    return _is_in(session, query.where(Delivery.person_id.is_(None), Delivery.state.not_in(IN_VAIN)))


def _is_in(session: Session, query: Select[int]) -> ColumnElement[bool] | None:
    """Return the condition under which an account is in one of the rooms of a query; None for no room."""
    room_ids = session.scalars(query).all()
    if not room_ids:
        return None
    inside = select(RoomMember.sender).join(Room, Room.id == RoomMember.room_id)
    inside = inside.where(RoomMember.room_id.in_(room_ids))
    return inside.where(Room.channel == Account.channel, RoomMember.sender == Account.sender).exists()
