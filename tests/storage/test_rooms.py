"""Rooms: who is in them, and whom an announcement reaches one by one."""

from collections.abc import Iterable

import pytest

from storage import announcements, conversations, rooms
from storage.announcements import Audience, Group
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session
from storage.rooms import Room
from tests.storage.conftest import NOW

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def add_people(session: Session, *senders: str) -> None:
    """Let people have a direct chat on Matrix."""
    for sender in senders:
        caller = Caller("matrix", sender, f"!{sender}", private=True, name=sender, locale="pl")
        ensure_conversation(session, caller, NOW)


def room_with(session: Session, *people: str) -> Room:
    """Return the room with these people and the bot."""
    rooms.set_room(session, "matrix", "!room", "Tablica", ["@bot", *people])
    found = rooms.get_room_at(session, "matrix", "!room")
    assert found is not None
    return found


def reached(database: Database, audience: Audience = Audience.EVERYONE) -> int:
    """Return how many people an announcement would reach one by one."""
    return database.read(lambda session: announcements.count_recipients(session, Group(audience)))


def test_who_is_in_an_announcing_room_is_not_reached_one_by_one(database: Database) -> None:
    def work(session: Session, people: Iterable[str], locale: str | None) -> None:
        rooms.set_room_announcing(session, room_with(session, *people), locale)

    database.write(lambda session: add_people(session, "@anna", "@jan", "@ola"))
    database.write(lambda session: work(session, ("@anna", "@jan", "@nobody we know"), "pl"))
    assert reached(database) == 1
    database.write(lambda session: work(session, ("@jan",), "pl"))
    assert reached(database) == 2
    database.write(lambda session: work(session, ("@jan",), None))
    assert reached(database) == 3


def test_only_an_account_on_the_rooms_channel_is_told_there(database: Database) -> None:
    def work(session: Session) -> None:
        caller = Caller("telegram", "@anna", "7", private=True, name="", locale="pl")
        ensure_conversation(session, caller, NOW)
        rooms.set_room_announcing(session, room_with(session, "@anna"), "pl")

    database.write(work)
    assert reached(database) == 1


def test_a_room_that_closes_is_not_there_until_it_is_told_of_again(database: Database) -> None:
    def close(session: Session) -> bool:
        return rooms.set_room_closed(session, "matrix", "!room", NOW)

    database.write(lambda session: rooms.set_room_announcing(session, room_with(session, "@anna"), "pl"))
    assert database.write(close)
    assert not database.write(close)
    assert database.read(rooms.list_announcing_rooms) == []
    assert database.read(lambda session: rooms.list_room_addresses(session, "matrix")) == []
    assert len(database.write(rooms.list_closed_rooms)) == 1
    database.write(lambda session: room_with(session, "@anna"))
    assert database.read(lambda session: rooms.list_room_addresses(session, "matrix")) == ["!room"]
    assert database.write(rooms.list_closed_rooms) == []


def test_a_room_moves_unless_the_other_is_known(database: Database) -> None:
    def move(session: Session, new: str) -> list[str]:
        conversations.set_address_moved(session, "matrix", "!room", new)
        return sorted(rooms.list_room_addresses(session, "matrix"))

    database.write(lambda session: room_with(session, "@anna"))
    database.write(lambda session: rooms.set_room(session, "matrix", "!other", "", []))
    assert database.write(lambda session: move(session, "!other")) == ["!other", "!room"]
    assert database.write(lambda session: move(session, "!new")) == ["!new", "!other"]
