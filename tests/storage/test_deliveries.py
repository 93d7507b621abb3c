"""Deliveries: how they are born, where they go and how long they are kept."""

import pytest

from storage import deliveries
from storage.database import Database, Session
from storage.deliveries import Birth, Due, State, Target
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    HOME,
    MINUTE,
    broadcast,
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
    def work(session: Session) -> Due:
        return deliveries.add_reply(session, HOME, {"text": "hello"}, Birth(), NOW)

    assert database.write(work).owner is None
    [row] = every_row(database)
    assert (row.state, row.owner, row.claimed_at) == (State.PENDING, None, None)
    assert texts(claim(database, hold(database))) == ["hello"]


@pytest.mark.parametrize("waits", [State.PENDING, State.CLAIMED])
def test_an_answer_waits_behind_one_to_its_address_that_waits(database: Database, waits: State) -> None:
    term = hold(database)
    in_hand = Birth(State.SENDING, term.token)

    def behind(target: Target = HOME) -> Birth:
        return database.read(lambda session: deliveries.birth_behind(session, target, in_hand, NOW))

    assert behind() == in_hand
    ahead = reply(database, "ahead", term)
    push(database, "push")
    record(database, ahead, waits, due_at=NOW + MINUTE)
    assert behind() == Birth(due_at=NOW + MINUTE)
    assert behind(Target("telegram", "other", 1)) == behind(Target("web", "home", 1)) == in_hand
    database.write(lambda session: deliveries.add_reply(session, HOME, {"text": "next"}, behind(), NOW))
    assert [row.due_at for row in every_row(database)] == [NOW + MINUTE, NOW, NOW + MINUTE]


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.UNKNOWN, State.FAILED])
def test_an_answer_waits_for_none_that_has_left_or_never_will(database: Database, state: State) -> None:
    in_hand = Birth(State.SENDING, hold(database).token)
    record(database, reply(database, "ahead", hold(database)), state)
    assert database.read(lambda s: deliveries.birth_behind(s, HOME, in_hand, NOW)) == in_hand


def test_no_pushes_are_no_trouble(database: Database) -> None:
    database.write(lambda session: deliveries.add_pushes(session, [], NOW))
    assert every_row(database) == []


def test_what_waits_for_a_closed_address_is_not_sent(database: Database) -> None:
    term = hold(database)
    sent = reply(database, "sent", term)
    record(database, sent, State.SENT)
    reply(database, "claimed", term)
    reply(database, "leaving", term, State.SENDING)
    push(database, "waits")
    push(database, "elsewhere", target=Target("telegram", "other", 2))
    push(database, "same on the web", target=Target("web", "home", 1))
    database.write(lambda session: deliveries.set_unreachable(session, "telegram", "home"))
    assert states(database) == {
        "sent": State.SENT,
        "claimed": State.UNREACHABLE,
        "leaving": State.SENDING,
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
