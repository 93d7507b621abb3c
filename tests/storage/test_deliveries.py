"""The outbox's rows: who may claim them, in which order, and who may record what became of them."""

from datetime import datetime, timedelta

import pytest

from storage import deliveries
from storage.database import Database, Session
from storage.deliveries import Delivery, Due, Outcome, Priority, State, Target
from tests.storage.conftest import NOW

MINUTE = timedelta(minutes=1)
HOME = Target("telegram", "home", 1)


def push(database: Database, text: str, due_at: datetime = NOW, target: Target = HOME) -> None:
    """Store a message that nobody waits for."""
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"text": text})], due_at))


def reply(database: Database, text: str, owner: str = "me") -> Due:
    """Store an answer that is born claimed."""
    return database.write(lambda session: deliveries.add_reply(session, HOME, {"text": text}, owner, NOW))


def claim(database: Database, owner: str = "me", now: datetime = NOW, **more: int) -> list[Due]:
    """Claim what is due."""
    return database.write(lambda session: deliveries.claim_due(session, "telegram", owner, now, **more))


def record(database: Database, due: Due, state: State, owner: str = "me", **more: object) -> None:
    """Record what became of a delivery."""
    outcome = Outcome(due, state, **more)  # type: ignore[arg-type]
    database.write(lambda session: deliveries.record_outcomes(session, [outcome], owner))


def states(database: Database) -> dict[str, State]:
    """Return the state of every delivery by its text."""

    def work(session: Session) -> dict[str, State]:
        return {str((row.body or {})["text"]): row.state for row in session.query(Delivery)}

    return database.read(work)


def texts(due: list[Due]) -> list[str]:
    """Return the texts of deliveries in hand."""
    return [one.body["text"] for one in due]


def test_the_most_urgent_is_claimed_first(database: Database) -> None:
    push(database, "later", NOW - MINUTE)
    push(database, "latest", NOW)
    push(database, "first", NOW - 2 * MINUTE)
    push(database, "not yet", NOW + MINUTE)
    push(database, "broadcast", NOW - 9 * MINUTE)
    push(database, "also first", NOW - 2 * MINUTE)
    push(database, "of another channel", target=Target("web", "home", 1))
    set_priority(database, "broadcast", Priority.BROADCAST)
    assert texts(claim(database, limit=3)) == ["first", "also first", "later"]
    assert texts(claim(database)) == ["latest", "broadcast"]
    assert claim(database) == []
    assert states(database)["not yet"] is State.PENDING


def set_priority(database: Database, text: str, priority: Priority) -> None:
    """Change how urgent a delivery is."""

    def work(session: Session) -> None:
        for row in session.query(Delivery):
            if row.body == {"text": text}:
                row.priority = priority

    database.write(work)


def test_what_one_process_has_claimed_another_cannot(database: Database) -> None:
    push(database, "one")
    assert texts(claim(database, "me")) == ["one"]
    assert claim(database, "other") == []


def test_an_answer_is_born_claimed(database: Database) -> None:
    due = reply(database, "hello")
    assert (due.address, due.body, due.attempts) == ("home", {"text": "hello"}, 0)
    assert claim(database, "other") == []
    record(database, due, State.SENT, platform_ref="99")
    assert states(database) == {"hello": State.SENT}


def test_only_what_is_still_ones_own_is_sent(database: Database) -> None:
    push(database, "mine")
    push(database, "taken")
    mine, taken = claim(database)
    release(database, owner="me", claimed_by=NOW)
    again = claim(database, "other", limit=1)
    assert again[0].id == mine.id
    ids = [mine.id, taken.id]
    assert database.write(lambda session: deliveries.set_sending(session, ids, "me")) == set()
    assert database.write(lambda session: deliveries.set_sending(session, ids, "other")) == {mine.id}


def release(database: Database, *, owner: str | None, claimed_by: datetime) -> None:
    """Give back what is in hand."""
    database.write(
        lambda session: deliveries.release_in_hand(session, "telegram", owner=owner, claimed_by=claimed_by)
    )


def test_claimed_is_pending_again_and_sending_is_unknown(database: Database) -> None:
    push(database, "claimed")
    push(database, "sending")
    push(database, "sent")
    _, sending, sent = claim(database)
    database.write(lambda session: deliveries.set_sending(session, [sending.id, sent.id], "me"))
    record(database, sent, State.SENT)
    release(database, owner=None, claimed_by=NOW)
    expected = {"claimed": State.PENDING, "sending": State.UNKNOWN, "sent": State.SENT}
    assert states(database) == expected
    assert texts(claim(database, "other")) == ["claimed"]


def test_what_another_process_has_freshly_in_hand_is_left_to_it(database: Database) -> None:
    push(database, "old")
    claim(database, "other", NOW)
    push(database, "fresh")
    claim(database, "other", NOW + 5 * MINUTE)
    release(database, owner="me", claimed_by=NOW + 5 * MINUTE)
    assert states(database) == {"old": State.CLAIMED, "fresh": State.CLAIMED}
    release(database, owner=None, claimed_by=NOW)
    assert states(database) == {"old": State.PENDING, "fresh": State.CLAIMED}


@pytest.mark.parametrize("state", [State.SENT, State.PENDING, State.FAILED])
def test_nobody_records_for_another(database: Database, state: State) -> None:
    due = reply(database, "hello", "other")
    record(database, due, state, "me")
    assert states(database) == {"hello": State.CLAIMED}


def test_what_is_recorded_stays(database: Database) -> None:
    due = reply(database, "hello")
    record(database, due, State.SENT, platform_ref="99")
    record(database, due, State.FAILED, reason="late news")
    found = database.read(lambda session: session.query(Delivery).one())
    assert (found.state, found.platform_ref, found.reason) == (State.SENT, "99", None)


def test_what_is_to_be_tried_again_waits_for_its_time(database: Database) -> None:
    due = reply(database, "hello")
    record(database, due, State.PENDING, reason="busy", due_at=NOW + MINUTE)
    assert claim(database) == []
    assert next_due_at(database) == NOW + MINUTE
    [again] = claim(database, now=NOW + MINUTE)
    assert (again.id, again.attempts) == (due.id, 1)
    assert next_due_at(database) is None


def next_due_at(database: Database) -> datetime | None:
    """Return when the next pending delivery is due."""
    return database.read(lambda session: deliveries.get_next_due_at(session, "telegram"))


def test_many_outcomes_are_recorded_together(database: Database) -> None:
    for number in range(5):
        push(database, str(number))
    due = claim(database)
    outcomes = [Outcome(one, State.SENT, platform_ref=f"ref {one.id}") for one in due]
    database.write(lambda session: deliveries.record_outcomes(session, outcomes, "me"))
    refs = database.read(lambda session: [row.platform_ref for row in session.query(Delivery)])
    assert refs == [f"ref {one.id}" for one in due]


def test_an_address_that_moved_takes_along_what_is_not_sent(database: Database) -> None:
    sent = reply(database, "sent")
    record(database, sent, State.SENT)
    push(database, "waits")
    push(database, "elsewhere", target=Target("telegram", "other", 2))
    database.write(lambda session: deliveries.set_delivery_address(session, "telegram", "home", "new"))
    where = database.read(lambda session: [row.address for row in session.query(Delivery)])
    assert where == ["home", "new", "other"]


def test_the_mailbox_is_in_order_and_goes_on_after_an_id(database: Database) -> None:
    for text in ("a", "b", "c"):
        push(database, text)
    push(database, "not mine", target=Target("telegram", "other", 2))

    def look(after: int, limit: int) -> list[str]:
        letters = database.read(
            lambda session: deliveries.list_mailbox(session, "telegram", "home", after, limit)
        )
        return [letter.body["text"] for letter in letters]

    assert look(0, 10) == ["a", "b", "c"]
    assert look(0, 2) == ["a", "b"]
    assert look(2, 10) == ["c"]


def test_old_messages_are_deleted_but_not_those_in_hand(database: Database) -> None:
    push(database, "old")
    push(database, "in hand")
    record(database, claim(database, limit=1)[0], State.SENT)
    claim(database)
    push(database, "new", NOW + 20 * deliveries.DELIVERIES_KEPT / 30)
    later = NOW + deliveries.DELIVERIES_KEPT + MINUTE
    database.write(lambda session: deliveries.delete_old_deliveries(session, later))
    assert set(states(database)) == {"in hand", "new"}
