"""Rooms: those with others in which the bot is at a coordinator's wish, and who is there.

Where a room announces, one message there stands for the direct messages to everybody in it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, UniqueConstraint, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, insert_into
from storage.people import Account


class Room(Base):
    """A room with others; `title` is what its people call it, "" if it has no name.

    `announces` says whether announcements to everyone go there, in the language `locale`, "" before anybody
    chose to. `closed_at` is when the bot lost it: nothing reaches it any more.
    """

    __tablename__ = "room"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    address: Mapped[str]
    title: Mapped[str]
    locale: Mapped[str]
    announces: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("channel", "address"),)


class RoomMember(Base):
    """Somebody in a room, by the platform's id of them; they may never have written to the bot."""

    __tablename__ = "room_member"

    room_id: Mapped[int] = mapped_column(ForeignKey("room.id", ondelete="CASCADE"), primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)


def set_room(session: Session, channel: str, address: str, title: str, people: Collection[str]) -> None:
    """Keep who is in a room, by their ids on the channel, and what it is called; it may be new."""
    row = insert_into(session, Room).values(channel=channel, address=address, title=title, locale="")
    row = row.values(announces=False)
    same = {"title": title, "closed_at": None}
    row = row.on_conflict_do_update(index_elements=[Room.channel, Room.address], set_=same)
    room_id = session.scalars(row.returning(Room.id)).one()
    known = set(session.scalars(select(RoomMember.sender).where(RoomMember.room_id == room_id)))
    if gone := known.difference(people):
        query = delete(RoomMember).where(RoomMember.room_id == room_id, RoomMember.sender.in_(gone))
        session.execute(query)
    if new := set(people) - known:
        rows = [{"room_id": room_id, "sender": sender} for sender in sorted(new)]
        session.execute(insert_into(session, RoomMember).on_conflict_do_nothing(), rows)


def get_room(session: Session, room_id: int) -> Room | None:
    """Return the room with this id, if the bot is in it."""
    query = select(Room).where(Room.id == room_id, Room.closed_at.is_(None))
    return session.scalars(query.with_for_update()).one_or_none()


def get_room_at(session: Session, channel: str, address: str) -> Room | None:
    """Return the room at an address, if there is one and the bot is in it."""
    query = select(Room).where(Room.channel == channel, Room.address == address)
    return session.scalars(query.where(Room.closed_at.is_(None))).one_or_none()


def list_rooms(session: Session, limit: int) -> Sequence[Room]:
    """Return the rooms in which the bot is, those that announce first."""
    query = select(Room).where(Room.closed_at.is_(None)).order_by(Room.announces.desc(), Room.id)
    return session.scalars(query.limit(limit)).all()


def list_announcing_rooms(session: Session) -> Sequence[Room]:
    """Return the rooms to which announcements go."""
    return session.scalars(select(Room).where(Room.announces, Room.closed_at.is_(None))).all()


def list_room_addresses(session: Session, channel: str) -> Sequence[str]:
    """Return the addresses of a channel's rooms in which the bot is."""
    return session.scalars(
        select(Room.address).where(Room.channel == channel, Room.closed_at.is_(None))
    ).all()


def count_room_members(session: Session, room: Room) -> int:
    """Return how many people are in a room, the bot among them."""
    query = select(func.count()).select_from(RoomMember).where(RoomMember.room_id == room.id)
    return session.scalar(query) or 0


def set_room_announcing(session: Session, room: Room, locale: str | None) -> None:
    """Let announcements go to a room from now on, in a language; None: no longer."""
    room.announces = locale is not None
    room.locale = locale or room.locale
    session.flush()


def set_room_closed(session: Session, channel: str, address: str, now: datetime) -> bool:
    """Record that nothing reaches a room any more; return whether one was there."""
    query = update(Room).where(Room.channel == channel, Room.address == address, Room.closed_at.is_(None))
    return session.scalars(query.values(closed_at=now).returning(Room.id)).first() is not None


def set_room_address(session: Session, channel: str, old: str, new: str) -> None:
    """Let a room go on under another address, unless one is known there already."""
    taken = select(Room.id).where(Room.channel == channel, Room.address == new)
    query = update(Room).where(Room.channel == channel, Room.address == old, ~taken.exists())
    session.execute(query.values(address=new).execution_options(synchronize_session=False))


def list_closed_rooms(session: Session, limit: int = 20) -> Sequence[Room]:
    """Return rooms that the bot has lost, locked against other processes."""
    query = select(Room).where(Room.closed_at.is_not(None)).with_for_update(skip_locked=True)
    return session.scalars(query.order_by(Room.id).limit(limit)).all()


def delete_room(session: Session, room: Room) -> None:
    """Forget a room and who was in it."""
    session.execute(delete(RoomMember).where(RoomMember.room_id == room.id))
    session.delete(room)
    session.flush()


def is_told_in_a_room(session: Session) -> ColumnElement[bool] | None:
    """Return the condition under which an account is in a room that announces; None where no room does."""
    announcing = list_announcing_rooms(session)
    if not announcing:
        return None
    inside = select(RoomMember.sender).join(Room, Room.id == RoomMember.room_id)
    inside = inside.where(RoomMember.room_id.in_([room.id for room in announcing]))
    return inside.where(Room.channel == Account.channel, RoomMember.sender == Account.sender).exists()
