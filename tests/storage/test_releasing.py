"""What is in hand comes back when its process gives it up or has lost its place."""

import pytest

from storage import outbox
from storage.database import Database
from storage.deliveries import State, Target
from storage.leases import NO_FENCE, Term
from tests.storage.conftest import NOW
from tests.storage.sending import (
    MINUTE,
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

FREE = Term("telegram", "free", NO_FENCE)
"""What a process sends as that needs no lease for it."""


def three_in_hand(database: Database) -> Term:
    """Let a term have one message claimed, one leaving and one sent, and return it."""
    term = hold(database)
    for text in ("claimed", "sending", "sent"):
        push(database, text)
    _, sending, sent = claim(database, term)
    leave(database, [sending, sent], term)
    record(database, sent, State.SENT)
    return term


@pytest.mark.parametrize(("repeatable", "unknown"), [(False, State.UNKNOWN), (True, State.PENDING)])
def test_claimed_is_pending_again_and_sending_is_so_only_where_it_is_repeatable(
    database: Database, *, repeatable: bool, unknown: State
) -> None:
    three_in_hand(database)
    theirs = take_over(database)
    release_others(database, theirs, repeatable=repeatable)
    assert states(database) == {"claimed": State.PENDING, "sending": unknown, "sent": State.SENT}
    assert [row.owner is None for row in every_row(database)] == [True, True, False]
    assert texts(claim(database, theirs))[0] == "claimed"


def test_a_term_whose_lease_was_taken_takes_nothing_from_its_successor(database: Database) -> None:
    mine = hold(database)
    push(database, "theirs")
    theirs = take_over(database)
    leave(database, claim(database, theirs), theirs)
    release_others(database, mine)
    assert states(database) == {"theirs": State.SENDING}


def test_a_process_that_ends_gives_back_whatever_it_has_not_recorded(database: Database) -> None:
    term = three_in_hand(database)
    reply(database, "of another", FREE)
    database.write(lambda s: outbox.release_own(s, "telegram", [term.token, "nobody:7"]))
    expected = {"claimed": State.PENDING, "sending": State.PENDING, "sent": State.SENT}
    assert states(database) == {**expected, "of another": State.CLAIMED}


def test_what_a_process_does_not_know_to_be_in_its_hands_is_given_back_after_a_while(
    database: Database,
) -> None:
    term = three_in_hand(database)
    known = {row.id for row in every_row(database) if row.state is State.CLAIMED}
    before = states(database)
    database.write(lambda s: outbox.release_forgotten(s, term, known, NOW - MINUTE))
    assert states(database) == before
    database.write(lambda s: outbox.release_forgotten(s, term, known, NOW))
    assert states(database) == {**before, "sending": State.PENDING}


def test_a_term_does_not_take_its_own_from_itself(database: Database) -> None:
    term = three_in_hand(database)
    before = states(database)
    release_others(database, term, NOW + MINUTE)
    assert states(database) == before


def test_fresh_work_of_a_process_that_needs_no_term_is_left_to_it(database: Database) -> None:
    for state in (State.CLAIMED, State.SENDING):
        reply(database, f"free {state}", FREE, state)
    reply(database, "of a past term", Term("telegram", "past", 10))
    term = hold(database)
    release_others(database, term, NOW - MINUTE)
    expected = {"free claimed": State.CLAIMED, "free sending": State.SENDING}
    assert states(database) == {**expected, "of a past term": State.PENDING}
    release_others(database, term, NOW)
    assert set(states(database).values()) == {State.PENDING, State.UNKNOWN}


def test_what_is_in_hand_on_another_channel_is_not_given_back(database: Database) -> None:
    web = hold(database, name="web")
    push(database, "on the web", target=Target("web", "page", 1))
    claim(database, web)
    release_others(database, hold(database, "other"))
    database.write(lambda s: outbox.release_own(s, "telegram", [web.token]))
    assert states(database) == {"on the web": State.CLAIMED}


def test_a_term_gives_back_only_what_it_has_claimed_and_what_has_not_left(database: Database) -> None:
    term = three_in_hand(database)
    reply(database, "of another", FREE)
    ids = [row.id for row in every_row(database)]
    database.write(lambda session: outbox.release(session, ids, term))
    expected = {"claimed": State.PENDING, "sending": State.SENDING, "sent": State.SENT}
    assert states(database) == {**expected, "of another": State.CLAIMED}
    assert texts(claim(database, term)) == ["claimed"]
