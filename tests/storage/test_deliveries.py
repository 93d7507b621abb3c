"""Deliveries: how they are born, where they go and how long they are kept."""

import pytest

from storage import deliveries
from storage.database import Database, Session
from storage.deliveries import Birth, State, Target
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    HOME,
    MINUTE,
    broadcast,
    change_run,
    claim,
    every_row,
    hold,
    leave,
    push,
    record,
    reply,
    states,
    texts,
)

pytestmark = pytest.mark.stores("sqlite", "postgresql")


@pytest.mark.parametrize("born", [State.CLAIMED, State.SENDING])
def test_an_answer_is_born_in_hand(database: Database, born: State) -> None:
    term = hold(database)
    due = reply(database, "hello", term, born)
    assert (due.address, due.body, due.attempts) == ("home", {"text": "hello"}, 0)
    assert (due.state, due.owner) == (born, term.token)
    [row] = every_row(database)
    assert (row.state, row.owner, row.claimed_at, row.person_id) == (born, term.token, NOW, 1)
    assert claim(database, term) == []
    record(database, due, State.SENT, platform_ref="99")
    assert states(database) == {"hello": State.SENT}


def test_an_answer_for_another_process_to_send_is_born_pending(database: Database) -> None:
    def work(session: Session) -> object:
        return deliveries.add_reply(session, HOME, {"text": "hello"}, Birth(), NOW)

    assert database.write(work) is None
    [row] = every_row(database)
    assert (row.state, row.owner, row.claimed_at) == (State.PENDING, None, None)
    assert texts(claim(database, hold(database))) == ["hello"]


def test_no_pushes_are_no_trouble(database: Database) -> None:
    database.write(lambda session: deliveries.add_pushes(session, [], NOW))
    assert every_row(database) == []


def test_what_waits_for_a_closed_address_is_not_sent(database: Database) -> None:
    term = hold(database)
    sent = reply(database, "sent", term)
    record(database, sent, State.SENT)
    reply(database, "in hand", term)
    push(database, "waits")
    push(database, "elsewhere", target=Target("telegram", "other", 2))
    push(database, "same on the web", target=Target("web", "home", 1))
    database.write(lambda session: deliveries.set_unreachable(session, "telegram", "home"))
    assert states(database) == {
        "sent": State.SENT,
        "in hand": State.CLAIMED,
        "waits": State.UNREACHABLE,
        "elsewhere": State.PENDING,
        "same on the web": State.PENDING,
    }


def test_an_address_that_moved_takes_along_what_is_not_sent(database: Database) -> None:
    sent = reply(database, "sent", hold(database))
    record(database, sent, State.SENT)
    push(database, "waits")
    push(database, "elsewhere", target=Target("telegram", "other", 2))
    push(database, "same on the web", target=Target("web", "home", 1))
    database.write(lambda session: deliveries.set_delivery_address(session, "telegram", "home", "new"))
    assert [row.address for row in every_row(database)] == ["home", "new", "other", "home"]


def look(database: Database, after: int = 0, limit: int = 10, address: str = "home") -> list[str]:
    """Return the texts in the mailbox of an address."""
    letters = database.read(
        lambda session: deliveries.list_mailbox(session, "telegram", address, after, limit)
    )
    return [letter.body["text"] for letter in letters]


def test_the_mailbox_is_in_order_and_goes_on_after_an_id(database: Database) -> None:
    for text in ("a", "b", "c"):
        push(database, text)
    push(database, "not mine", target=Target("telegram", "other", 2))
    push(database, "not here", target=Target("web", "home", 1))
    assert look(database) == ["a", "b", "c"]
    assert look(database, limit=2) == ["a", "b"]
    assert look(database, after=2) == ["c"]


def test_the_mailbox_leaves_out_what_only_waits_in_a_broadcast(database: Database, add: AddPerson) -> None:
    add("Anna")
    term, run_id = hold(database), broadcast(database, "broadcast")
    push(database, "push", target=Target("telegram", "Anna", 1))
    assert look(database, address="Anna") == ["push"]
    due = [one for one in claim(database, term) if one.run_id == run_id]
    assert look(database, address="Anna") == ["push"]
    leave(database, due, term)
    assert look(database, address="Anna") == ["broadcast", "push"]
    record(database, due[0], State.SENT)
    change_run(database, run_id, "stopped")
    assert look(database, address="Anna") == ["broadcast", "push"]


def look_for_late(database: Database, since: int, up_to: int, address: str = "home") -> list[str]:
    """Return the texts of what came into the mailbox of an address late."""
    letters = database.read(
        lambda session: deliveries.list_late_letters(session, "telegram", address, since, up_to)
    )
    return [letter.body["text"] for letter in letters]


def test_what_left_a_broadcast_after_a_later_letter_was_read_is_late(
    database: Database, add: AddPerson
) -> None:
    add("Anna")
    term, first, second = hold(database), broadcast(database, "early"), broadcast(database, "late")
    early, late = claim(database, term, NOW), claim(database, term, NOW + 9 * MINUTE, after_run=first)
    assert [one.run_id for one in early + late] == [first, second]
    leave(database, early, term)
    push(database, "read", NOW + 3 * MINUTE, Target("telegram", "Anna", 1))
    push(database, "read too", NOW + 4 * MINUTE, Target("telegram", "Anna", 1))
    assert look_for_late(database, 3, 4, "Anna") == ["read too"]
    leave(database, late, term)
    assert look_for_late(database, 3, 4, "Anna") == ["late", "read too"]
    assert look_for_late(database, 3, 3, "Anna") == ["late"]
    assert look_for_late(database, 0, 4, "Anna") == ["early", "late", "read", "read too"]
    assert look_for_late(database, 3, 4) == []


def test_what_was_said_shortly_before_another_letter_may_be_late(database: Database) -> None:
    for text, before in (("long before", 2 * MINUTE), ("before", MINUTE / 2), ("read", 0 * MINUTE)):
        push(database, text, NOW - before)
    assert look_for_late(database, 3, 3) == ["before"]
    assert look_for_late(database, 404, 404) == []


def test_old_messages_are_deleted_but_not_those_in_hand(database: Database) -> None:
    term = hold(database)
    for text in ("old", "claimed", "sending"):
        push(database, text)
    record(database, claim(database, term, limit=1)[0], State.SENT)
    leave(database, claim(database, term)[1:], term)
    push(database, "new", NOW + 20 * deliveries.DELIVERIES_KEPT / 30)
    later = NOW + deliveries.DELIVERIES_KEPT + MINUTE
    database.write(lambda session: deliveries.delete_old_deliveries(session, later))
    assert set(states(database)) == {"claimed", "sending", "new"}


def test_old_messages_of_a_broadcast_stay_as_they_are_counted(database: Database, add: AddPerson) -> None:
    add("Anna")
    run_id = broadcast(database, "broadcast")
    record(database, claim(database, hold(database))[0], State.SENT)
    later = NOW + deliveries.DELIVERIES_KEPT + MINUTE
    database.write(lambda session: deliveries.delete_old_deliveries(session, later))
    counts = database.read(lambda session: deliveries.count_states(session, [run_id]))
    assert counts == {run_id: {State.SENT: 1}}
