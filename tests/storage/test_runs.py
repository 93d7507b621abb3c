"""Runs: they take turns, and one that is paused or stopped sends nothing."""

from collections import Counter

import pytest

from storage import deliveries, outbox, runs
from storage.database import Database, Session, StoreUnavailable
from storage.deliveries import State
from storage.runs import Run, RunState
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    MINUTE,
    at_once,
    broadcast,
    change_run,
    claim,
    every_row,
    fill,
    fill_page,
    hold,
    leave,
    push,
    record,
    start_run,
    state_of,
    texts,
)

pytestmark = pytest.mark.stores("sqlite", "postgresql")


@pytest.fixture(autouse=True)
def _people(add: AddPerson) -> None:
    """Let three people be there for every run."""
    for name in ("Anna", "Jan", "Ewa"):
        add(name)


def close(database: Database) -> None:
    """Close what is over."""
    database.write(outbox.set_runs_done)


def test_runs_take_turns_and_what_belongs_to_none_goes_first(database: Database) -> None:
    term = hold(database)
    one, two, three = (broadcast(database, text) for text in ("one", "two", "three"))
    push(database, "push")
    assert texts(claim(database, term, limit=2)) == ["push", "one"]
    assert texts(claim(database, term, limit=1, after_run=one)) == ["two"]
    assert texts(claim(database, term, limit=1, after_run=two)) == ["three"]
    assert texts(claim(database, term, limit=1, after_run=three)) == ["one"]
    assert texts(claim(database, term, after_run=one)) == ["two", "two"]
    assert texts(claim(database, term, after_run=two)) == ["three", "three"]
    assert texts(claim(database, term, after_run=two)) == ["one"]
    assert claim(database, term, after_run=one) == []


def test_a_run_is_sent_in_the_order_of_its_people_and_says_which_it_is(database: Database) -> None:
    run_id = broadcast(database, "one")
    due = claim(database, hold(database))
    assert [(one.address, one.run_id) for one in due] == [(name, run_id) for name in ("Anna", "Jan", "Ewa")]


def test_a_run_with_nothing_due_yet_does_not_keep_the_next_one_from_its_turn(database: Database) -> None:
    term = hold(database)
    broadcast(database, "later")
    for due in claim(database, term):
        record(database, due, State.PENDING, due_at=NOW + MINUTE)
    broadcast(database, "now")
    assert set(texts(claim(database, term))) == {"now"}


def test_a_run_that_is_still_being_filled_is_sent_already(database: Database) -> None:
    run_id = start_run(database)
    database.write(lambda session: fill_page(session, run_id, 2))
    assert state_of(database, run_id) is RunState.FILLING
    assert len(claim(database, hold(database))) == 2


@pytest.mark.parametrize("change", ["paused", "stopped"])
def test_a_run_that_does_not_go_on_is_neither_claimed_nor_waited_for(database: Database, change: str) -> None:
    term = hold(database)
    run_id = broadcast(database, "one")
    change_run(database, run_id, change)
    assert claim(database, term) == []
    assert database.read(lambda session: outbox.get_next_due_at(session, "telegram")) is None
    broadcast(database, "two")
    assert set(texts(claim(database, term))) == {"two"}


@pytest.mark.parametrize("change", ["paused", "stopped"])
def test_what_was_claimed_before_its_run_was_halted_does_not_leave(database: Database, change: str) -> None:
    term = hold(database)
    run_id = broadcast(database, "one")
    push(database, "push")
    due = claim(database, term)
    gone = next(one for one in due if one.run_id == run_id)
    assert leave(database, [gone], term) == {gone.id}
    change_run(database, run_id, change)
    allowed = leave(database, due, term)
    assert [one.id for one in due if one.run_id is None] == list(allowed)
    refused = [one.id for one in due if one.id not in allowed]
    database.write(lambda session: outbox.release(session, refused, term))
    assert Counter(row.state for row in every_row(database) if row.run_id == run_id) == {
        State.SENDING: 1,
        State.PENDING: 2,
    }
    record(database, gone, State.SENT)
    assert claim(database, term) == []


def test_a_resumed_run_goes_on_where_it_was(database: Database) -> None:
    term = hold(database)
    run_id = broadcast(database, "one")
    [first] = claim(database, term, limit=1)
    record(database, first, State.SENT)
    change_run(database, run_id, "paused")
    change_run(database, run_id, "resumed")
    assert [one.address for one in claim(database, term)] == ["Jan", "Ewa"]


def test_a_stopped_run_is_not_paused_and_stays_stopped(database: Database) -> None:
    run_id = broadcast(database, "one")
    change_run(database, run_id, "paused")
    change_run(database, run_id, "stopped")
    change_run(database, run_id, "reopened")
    close(database)
    run = database.read(lambda session: session.get_one(Run, run_id))
    assert (run.state, run.paused_at, run.is_under_way) == (RunState.STOPPED, None, False)


@pytest.mark.parametrize("left", [State.PENDING, State.CLAIMED, State.SENDING])
def test_a_run_is_done_when_nothing_of_it_is_on_its_way(database: Database, left: State) -> None:
    term = hold(database)
    run_id = broadcast(database, "one")
    *others, last = claim(database, term)
    for due, state in zip(others, (State.SENT, State.UNKNOWN), strict=True):
        record(database, due, state)
    if left is State.PENDING:
        database.write(lambda session: outbox.release(session, [last.id], term))
    elif left is State.SENDING:
        leave(database, [last], term)
    close(database)
    assert state_of(database, run_id) is RunState.FILLED
    if left is State.PENDING:
        [last] = claim(database, term)
    record(database, last, State.FAILED)
    close(database)
    assert state_of(database, run_id) is RunState.DONE


def test_a_run_that_is_still_being_filled_is_not_done_although_nothing_is_left(database: Database) -> None:
    run_id = start_run(database)
    close(database)
    assert state_of(database, run_id) is RunState.FILLING


def test_what_is_unknown_is_sent_once_more_if_a_coordinator_wants_so(database: Database) -> None:
    term = hold(database)
    run_id, other = broadcast(database, "one"), broadcast(database, "two")
    due = claim(database, term) + claim(database, term, after_run=run_id)
    for one, state in zip(due, (State.SENT, State.UNKNOWN, State.FAILED, *[State.UNKNOWN] * 3), strict=True):
        record(database, one, state, reason="so")
    close(database)
    assert state_of(database, run_id) is RunState.DONE
    later = NOW + MINUTE
    assert database.write(lambda session: deliveries.set_unknown_pending(session, run_id, later)) == 1
    change_run(database, run_id, "reopened")
    assert state_of(database, run_id) is RunState.FILLED
    assert claim(database, term) == []
    [again] = claim(database, term, later)
    assert (again.id, again.attempts) == (due[1].id, 0)
    assert every_row(database)[1].reason is None
    assert state_of(database, other) is RunState.DONE


def test_the_oldest_run_is_filled_first_and_one_that_was_stopped_never(database: Database) -> None:
    stopped, first, second = (start_run(database) for _ in range(3))
    change_run(database, stopped, "stopped")

    def look(session: Session) -> int | None:
        run = runs.get_filling_run(session)
        return run.id if run is not None else None

    assert database.write(look) == first
    fill(database, first)
    assert database.write(look) == second
    fill(database, second)
    assert database.write(look) is None
    assert database.write(lambda session: runs.get_run(session, 99)) is None


@pytest.mark.stores("postgresql")
def test_a_run_cannot_be_stopped_in_the_middle_of_a_page_which_would_undo_it(database: Database) -> None:
    run_id = start_run(database)

    def work(session: Session) -> None:
        runs.get_filling_run(session)
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            at_once(database, lambda theirs: runs.get_run(theirs, run_id))

    database.write(work)


@pytest.mark.stores("postgresql")
def test_a_run_that_a_coordinator_is_at_is_not_closed_meanwhile(database: Database) -> None:
    term, run_id = hold(database), broadcast(database, "one")
    for due in claim(database, term):
        record(database, due, State.UNKNOWN)

    def work(session: Session) -> None:
        runs.get_run(session, run_id)
        deliveries.set_unknown_pending(session, run_id, NOW)
        at_once(database, outbox.set_runs_done)

    database.write(work)
    close(database)
    assert state_of(database, run_id) is RunState.FILLED
    assert len(claim(database, term)) == 3
