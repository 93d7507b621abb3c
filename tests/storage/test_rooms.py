"""Rooms: who is in them, and whom an announcement reaches one by one."""

from collections.abc import Iterable

import pytest

from storage import broadcasts, closing, conversations, room_letters, rooms, runs
from storage.announcements import Audience, Group
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session
from storage.deliveries import State
from storage.outbox import Outcome
from storage.people import Account
from storage.rooms import Room
from tests.storage.conftest import NOW
from tests.storage.sending import claim, every_row, fill, fill_page, hold, start_run

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
    return sum(database.read(lambda session: broadcasts.count_recipients(session, Group(audience))).values())


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


def start_run_in_rooms(database: Database) -> int:
    """Return a new run, of which each room that announces has its letter."""

    def work(session: Session) -> None:
        run = runs.get_run(session, run_id)
        assert run is not None
        letters = [(room, {"text": "Cześć"}) for room in rooms.list_announcing_rooms(session)]
        room_letters.add_room_letters(session, run, letters, NOW)

    run_id = start_run(database)
    database.write(work)
    return run_id


def name_room(database: Database, locale: str | None, *people: str) -> None:
    """Let announcements go to the room with these people, or no longer."""
    database.write(lambda session: rooms.set_room_announcing(session, room_with(session, *people), locale))


def addresses(database: Database) -> list[str]:
    """Return to where deliveries go."""
    return [row.address for row in every_row(database)]


def test_what_is_decided_about_a_room_while_a_run_is_filled_is_for_the_next_one(database: Database) -> None:
    database.write(lambda session: add_people(session, "@anna", "@jan", "@ola"))
    first = start_run_in_rooms(database)
    database.write(lambda session: fill_page(session, first, 1))
    name_room(database, "pl", "@anna", "@jan")
    fill(database, first)
    assert addresses(database) == ["!@anna", "!@jan", "!@ola"]
    second = start_run_in_rooms(database)
    database.write(lambda session: fill_page(session, second, 1))
    name_room(database, None, "@anna", "@jan")
    fill(database, second)
    assert addresses(database)[3:] == ["!room", "!@ola"]


@pytest.mark.parametrize("state", [State.FAILED, State.UNREACHABLE])
def test_what_does_not_arrive_in_a_room_goes_to_its_people(database: Database, state: State) -> None:
    database.write(lambda session: add_people(session, "@anna", "@ola"))
    name_room(database, "pl", "@anna")
    run_id = start_run_in_rooms(database)
    fill(database, run_id)
    assert addresses(database) == ["!room", "!@ola"]
    outcomes = [
        Outcome(due, state if due.address == "!room" else State.SENT)
        for due in claim(database, hold(database, name="matrix"))
    ]
    database.write(lambda session: closing.record_outcomes(session, outcomes, NOW))
    fill(database, run_id)
    assert addresses(database) == ["!room", "!@ola", "!@anna"]


def test_a_letter_to_a_room_is_not_redirected_to_the_one_person_whose_chat_it_was(database: Database) -> None:
    def work(session: Session) -> None:
        add_people(session, "@anna", "@ola")
        chat = Caller("matrix", "@anna", "!room", private=True, name="", locale="pl")
        anna = ensure_conversation(session, chat, NOW).account.person
        session.add(Account(channel="web", sender="page", address="page", person_id=anna.id))

    database.write(work)
    name_room(database, "pl", "@anna", "@ola")
    run_id = start_run_in_rooms(database)
    fill(database, run_id)
    database.write(lambda session: closing.set_address_closed(session, "matrix", "!room", NOW))
    fill(database, run_id)
    assert addresses(database) == ["!room", "page", "!@ola"]
