"""The outbox's rows: who may claim them, in which order, and who may record what became of them."""

from datetime import datetime

import pytest

from storage import outbox
from storage.database import Database, Session
from storage.deliveries import Delivery, Priority, State, Target
from storage.leases import Term
from storage.outbox import Outcome
from tests.storage.conftest import NOW
from tests.storage.sending import (
    LIFE,
    MINUTE,
    at_once,
    claim,
    every_row,
    hold,
    leave,
    push,
    record,
    release_others,
    reply,
    states,
    take_over,
    texts,
)

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def next_due_at(database: Database) -> datetime | None:
    """Return when the next pending delivery is due."""
    return database.read(lambda session: outbox.get_next_due_at(session, "telegram"))


def test_the_ids_decide_the_order_of_what_is_due(database: Database) -> None:
    term = hold(database)
    push(database, "first", NOW)
    push(database, "not yet", NOW + MINUTE)
    push(database, "second, though due before", NOW - MINUTE)
    push(database, "of another channel", target=Target("web", "home", 1))
    push(database, "third", NOW)
    assert texts(claim(database, term, limit=2)) == ["first", "second, though due before"]
    assert texts(claim(database, term)) == ["third"]
    assert claim(database, term) == []
    assert texts(claim(database, term, NOW + MINUTE)) == ["not yet"]


def test_an_answer_to_be_tried_again_comes_before_older_pushes(database: Database) -> None:
    term = hold(database)
    push(database, "push")
    answer = reply(database, "answer", term)
    record(database, answer, State.PENDING, due_at=NOW)
    claimed = claim(database, term)
    assert texts(claimed) == ["answer", "push"]
    assert [one.priority for one in claimed] == [Priority.REPLY, Priority.PUSH]


def test_what_is_claimed_is_claimed_once(database: Database) -> None:
    term = hold(database)
    push(database, "one")
    [due] = claim(database, term)
    assert (due.address, due.owner, due.state, due.run_id) == ("home", term.token, State.CLAIMED, None)
    assert claim(database, term) == []
    assert claim(database, take_over(database)) == []
    [row] = every_row(database)
    assert (row.state, row.owner, row.claimed_at) == (State.CLAIMED, term.token, NOW)


@pytest.mark.parametrize("strange", [Term("telegram", "me", 2), Term("telegram", "you", 1)])
def test_who_does_not_hold_the_lease_claims_and_marks_nothing(database: Database, strange: Term) -> None:
    push(database, "one")
    assert claim(database, strange) == []
    term = hold(database)
    assert claim(database, strange) == []
    due = claim(database, term)
    assert leave(database, due, strange) == set()
    assert leave(database, due, term) == {due[0].id}


def test_a_term_whose_lease_was_taken_is_refused_everything(database: Database) -> None:
    mine = hold(database)
    push(database, "claimed")
    push(database, "leaving")
    push(database, "pending")
    claimed, leaving = claim(database, mine, limit=2)
    assert leave(database, [leaving], mine) == {leaving.id}
    theirs = take_over(database)
    assert claim(database, mine) == []
    assert leave(database, [claimed], mine) == set()
    release_others(database, theirs)
    record(database, claimed, State.SENT)
    record(database, leaving, State.SENT)
    expected = {"claimed": State.PENDING, "leaving": State.UNKNOWN, "pending": State.PENDING}
    assert states(database) == expected
    assert texts(claim(database, theirs)) == ["claimed", "pending"]


def test_a_new_term_of_the_same_process_is_another_one(database: Database) -> None:
    first = hold(database)
    push(database, "one")
    due = claim(database, first)
    take_over(database)
    again = hold(database, now=NOW + 2 * LIFE)
    assert again.owner == first.owner
    assert leave(database, due, first) == set()
    assert leave(database, due, again) == set()
    release_others(database, again)
    assert states(database) == {"one": State.PENDING}


def test_a_process_that_slept_but_whose_lease_nobody_took_goes_on(database: Database) -> None:
    term = hold(database)
    push(database, "one")
    due = claim(database, term, NOW + 2 * LIFE)
    assert leave(database, due, term) == {due[0].id}


def test_only_what_is_claimed_is_marked_as_leaving(database: Database) -> None:
    term = hold(database)
    for text in ("claimed", "leaving", "sent"):
        push(database, text)
    due = claim(database, term)
    leave(database, due[1:], term)
    record(database, due[2], State.SENT)
    assert leave(database, due, term) == {due[0].id}
    expected = {"claimed": State.SENDING, "leaving": State.SENDING, "sent": State.SENT}
    assert states(database) == expected


@pytest.mark.parametrize("born", [State.CLAIMED, State.SENDING])
@pytest.mark.parametrize("state", [State.SENT, State.PENDING, State.FAILED, State.UNKNOWN])
def test_an_outcome_is_recorded_for_what_is_in_hand(database: Database, born: State, state: State) -> None:
    due = reply(database, "hello", hold(database), born)
    record(database, due, state, platform_ref="99", reason="so")
    [row] = every_row(database)
    assert (row.state, row.attempts, row.platform_ref, row.reason) == (state, 1, "99", "so")
    assert row.due_at == NOW


@pytest.mark.parametrize("state", [State.SENT, State.PENDING, State.FAILED])
def test_nobody_records_for_another(database: Database, state: State) -> None:
    mine = hold(database)
    push(database, "hello")
    [stale] = claim(database, mine)
    theirs = take_over(database)
    release_others(database, theirs)
    claim(database, theirs)
    record(database, stale, state, platform_ref="99")
    [row] = every_row(database)
    assert (row.state, row.owner, row.platform_ref) == (State.CLAIMED, theirs.token, None)


def test_what_is_recorded_stays(database: Database) -> None:
    due = reply(database, "hello", hold(database))
    record(database, due, State.SENT, platform_ref="99")
    record(database, due, State.FAILED, reason="late news")
    [found] = every_row(database)
    assert (found.state, found.platform_ref, found.reason) == (State.SENT, "99", None)


def test_what_is_to_be_tried_again_waits_for_its_time(database: Database) -> None:
    term = hold(database)
    due = reply(database, "hello", term)
    record(database, due, State.PENDING, reason="busy", due_at=NOW + MINUTE)
    assert claim(database, term) == []
    assert next_due_at(database) == NOW + MINUTE
    [again] = claim(database, term, NOW + MINUTE)
    assert (again.id, again.attempts) == (due.id, 1)
    assert next_due_at(database) is None


def test_what_did_not_leave_has_used_up_no_attempt(database: Database) -> None:
    term = hold(database)
    record(database, reply(database, "hello", term), State.PENDING, left=False)
    [again] = claim(database, term)
    assert again.attempts == 0


def test_many_outcomes_are_recorded_together(database: Database) -> None:
    for number in range(5):
        push(database, str(number))
    due = claim(database, hold(database))
    outcomes = [Outcome(one, State.SENT, platform_ref=f"ref {one.id}") for one in due]
    database.write(lambda session: outbox.record_outcomes(session, outcomes))
    assert [row.platform_ref for row in every_row(database)] == [f"ref {one.id}" for one in due]
    database.write(lambda session: outbox.record_outcomes(session, []))


@pytest.mark.stores("postgresql")
def test_what_another_transaction_has_locked_is_left_out(database: Database) -> None:
    term = hold(database)
    push(database, "locked")
    push(database, "free")

    def work(session: Session) -> list[str]:
        session.query(Delivery).order_by(Delivery.id).limit(1).with_for_update().all()
        return texts(at_once(database, lambda theirs: outbox.claim_due(theirs, term, NOW, 50)))

    assert database.write(work) == ["free"]
