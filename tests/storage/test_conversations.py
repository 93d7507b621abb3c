"""Conversations: one person for each account, whoever comes first, wherever the chat moves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from storage import conversations, deliveries, people
from storage.conversations import Caller, Conversation, Receipt, ensure_conversation
from storage.database import Database, Session
from storage.deliveries import Delivery, Target
from storage.people import Account, Person
from tests.storage.conftest import NOW
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")

ANNA = Caller("telegram", "7", "7", private=True, name="Anna", locale="pl")
IN_GROUP = replace(ANNA, address="-100", private=False)


def talk(database: Database, caller: Caller) -> Conversation:
    """Let somebody write, and return the conversation."""
    return database.write(lambda session: ensure_conversation(session, caller, NOW))


def test_the_first_message_makes_a_person_and_the_second_finds_it(database: Database) -> None:
    first = talk(database, ANNA)
    second = talk(database, replace(ANNA, name="Another Name", locale="en"))
    assert (first.id, first.account.person.id) == (second.id, second.account.person.id)
    assert (second.account.person.name, second.account.person.locale) == ("Anna", "pl")
    assert (second.form, second.offered, second.topic) == ({}, [], None)


def test_racing_first_messages_make_one_person(database: Database) -> None:
    others = [beside(database) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda one: talk(one, ANNA).account.person.id, others))
    for other in others:
        other.close()
    assert len(set(found)) == 1
    assert database.read(lambda s: (s.query(Person).count(), s.query(Account).count())) == (1, 1)


def test_a_person_has_a_conversation_for_each_chat(database: Database) -> None:
    private, group = talk(database, ANNA), talk(database, IN_GROUP)
    assert private.id != group.id
    assert private.account.person.id == group.account.person.id
    assert group.account.address == "7"


def test_who_spoke_in_groups_only_has_no_address_until_they_write_in_private(database: Database) -> None:
    assert talk(database, IN_GROUP).account.address is None
    assert talk(database, ANNA).account.address == "7"


def test_the_same_name_on_another_channel_is_another_person(database: Database) -> None:
    here, there = talk(database, ANNA), talk(database, replace(ANNA, channel="web"))
    assert here.account.person.id != there.account.person.id


def test_a_closed_account_is_open_again_when_its_person_writes(database: Database) -> None:
    anna = talk(database, ANNA).account.person.id
    database.write(lambda session: people.set_accounts_closed(session, "telegram", "7", NOW))
    talk(database, IN_GROUP)
    assert database.read(lambda session: people.get_open_accounts(session, [anna])) == {}
    talk(database, ANNA)
    assert len(database.read(lambda session: people.get_open_accounts(session, [anna]))) == 1


def test_a_moved_chat_goes_on_under_its_new_address(database: Database) -> None:
    old = talk(database, IN_GROUP)

    def move(session: Session) -> None:
        found = session.get_one(Conversation, old.id)
        found.topic, found.last_ref, found.last = "cluster", "7", {"form": {}}
        target = Target("telegram", "-100", old.account.person_id)
        deliveries.add_pushes(session, [(target, {"text": "waits"})], NOW)
        conversations.set_address_moved(session, "telegram", "-100", "-200")

    database.write(move)
    new = talk(database, replace(IN_GROUP, address="-200"))
    assert (new.id, new.topic) == (old.id, "cluster")
    assert (new.last_ref, new.last) == (None, {})
    assert database.read(lambda session: session.query(Delivery).one().address) == "-200"


def test_a_chat_that_moved_to_where_somebody_wrote_already_keeps_both(database: Database) -> None:
    talk(database, IN_GROUP)
    there = talk(database, replace(IN_GROUP, address="-200"))
    database.write(lambda session: conversations.set_address_moved(session, "telegram", "-100", "-200"))
    assert talk(database, replace(IN_GROUP, address="-200")).id == there.id


def test_a_message_taken_back_is_forgotten_in_its_chat_only(database: Database) -> None:
    chats = (ANNA, IN_GROUP, replace(IN_GROUP, channel="web"), replace(IN_GROUP, sender="8"))

    def work(session: Session) -> list[dict[str, int]]:
        found = [ensure_conversation(session, caller, NOW) for caller in chats]
        for one in found:
            one.last_ref, one.last = ("1" if one.account.sender == "7" else "2"), {"kept": 1}
        session.flush()
        conversations.set_taken_back(session, "telegram", "-100", "1")
        session.expire_all()
        return [one.last for one in found]

    assert database.write(work) == [{"kept": 1}, {}, {"kept": 1}, {"kept": 1}]


def test_a_chat_of_the_same_address_on_another_channel_does_not_move(database: Database) -> None:
    web = talk(database, replace(IN_GROUP, channel="web"))
    database.write(lambda session: conversations.set_address_moved(session, "telegram", "-100", "-200"))
    assert talk(database, replace(IN_GROUP, channel="web")).id == web.id


def test_an_event_is_received_once_on_each_channel(database: Database) -> None:
    def receive(channel: str, event_id: str) -> bool:
        return database.write(lambda s: conversations.add_receipt(s, channel, event_id, NOW))

    events = [("telegram", "1"), ("telegram", "1"), ("web", "1"), ("telegram", "2")]
    assert [receive(*event) for event in events] == [True, False, True, True]


def test_receipts_are_kept_for_as_long_as_events_are_repeated(database: Database) -> None:
    def work(session: Session) -> list[str]:
        for days in (0, 1, 2, 4):
            conversations.add_receipt(session, "telegram", f"{days} days", NOW - timedelta(days=days))
        conversations.delete_old_receipts(session, NOW)
        return sorted(row.event_id for row in session.query(Receipt))

    assert database.write(work) == ["0 days", "1 days", "2 days"]
