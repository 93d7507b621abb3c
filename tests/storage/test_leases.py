"""Leases: one process holds a name at a time, and its number tells it from those before."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from storage import leases
from storage.database import Database, Session
from storage.leases import NO_FENCE, Term
from tests.storage.conftest import NOW

pytestmark = pytest.mark.stores("sqlite", "postgresql")

LIFE = timedelta(seconds=15)
MOMENT = timedelta(microseconds=1)


def claim(database: Database, owner: str, after: timedelta = timedelta(0), *names: str) -> dict[str, int]:
    """Let a process ask for leases, "a" if none is named; return the numbers of those which it got."""
    terms = database.write(
        lambda session: leases.claim_leases(session, names or ["a"], owner, NOW + after, LIFE)
    )
    assert all(term == Term(name, owner, term.fence) for name, term in terms.items())
    return {name: term.fence for name, term in terms.items()}


def test_a_free_lease_is_taken_and_a_held_one_refused(database: Database) -> None:
    assert claim(database, "me") == {"a": 1}
    assert claim(database, "you") == {}
    assert claim(database, "you", LIFE - MOMENT) == {}


def test_a_lease_is_free_from_the_moment_of_its_expiry_on(database: Database) -> None:
    claim(database, "me")
    assert claim(database, "you", LIFE) == {"a": 2}
    assert claim(database, "me", LIFE) == {}


def test_who_holds_a_lease_renews_it_under_the_same_number(database: Database) -> None:
    claim(database, "me")
    assert claim(database, "me", LIFE / 2) == {"a": 1}
    assert claim(database, "you", LIFE) == {}
    assert claim(database, "you", LIFE * 1.5 - MOMENT) == {}
    assert claim(database, "you", LIFE * 1.5) == {"a": 2}


def test_who_slept_through_the_expiry_goes_on_if_nobody_has_taken_the_lease(database: Database) -> None:
    claim(database, "me")
    assert claim(database, "me", 9 * LIFE) == {"a": 1}
    assert claim(database, "you", 9 * LIFE) == {}


def test_the_number_rises_with_every_change_of_hands(database: Database) -> None:
    owners = ["me", "you", "you", "me", "me", "you"]
    found = [claim(database, owner, step * LIFE)["a"] for step, owner in enumerate(owners)]
    assert found == [1, 2, 2, 3, 3, 4]


def test_a_lease_that_is_given_back_lets_another_in_at_once(database: Database) -> None:
    claim(database, "me")
    database.write(lambda session: leases.release_leases(session, "me", NOW))
    assert claim(database, "you") == {"a": 2}
    assert claim(database, "me") == {}


def test_nobody_gives_back_what_another_holds(database: Database) -> None:
    claim(database, "me")
    claim(database, "you", timedelta(0), "b")
    database.write(lambda session: leases.release_leases(session, "you", NOW))
    assert claim(database, "other", timedelta(0), "a", "b") == {"b": 2}


def test_giving_back_does_not_make_an_old_lease_look_younger(database: Database) -> None:
    claim(database, "me")
    for release in (lambda s: leases.release_leases(s, "me", NOW + 2 * LIFE), every_lease):
        database.write(release)
        assert database.read(lambda s: leases.get_next_expiry(s, ["a"])) == NOW + LIFE


def every_lease(session: Session) -> None:
    """Give back everything, long after it has expired."""
    leases.release_every_lease(session, NOW + 2 * LIFE)


def test_on_a_store_of_ones_own_every_lease_can_be_given_back(database: Database) -> None:
    claim(database, "me")
    claim(database, "you", timedelta(0), "b")
    database.write(lambda session: leases.release_every_lease(session, NOW))
    assert claim(database, "other", timedelta(0), "a", "b") == {"a": 2, "b": 2}


def test_names_do_not_depend_on_each_other(database: Database) -> None:
    assert claim(database, "me", timedelta(0), "b", "a") == {"a": 1, "b": 1}
    assert claim(database, "you", timedelta(0), "c", "a") == {"c": 1}
    assert claim(database, "you", LIFE, "a") == {"a": 2}
    assert claim(database, "me", LIFE, "a", "b") == {"b": 1}
    assert database.write(lambda session: leases.claim_leases(session, [], "me", NOW, LIFE)) == {}


def test_the_next_expiry_is_the_first_of_those_that_are_asked_for(database: Database) -> None:
    def look(*names: str) -> object:
        return database.read(lambda session: leases.get_next_expiry(session, names))

    assert look("a", "b") is None
    claim(database, "me", timedelta(0), "a")
    claim(database, "me", LIFE, "b")
    assert look("a", "b", "never taken") == NOW + LIFE
    assert look("b") == NOW + 2 * LIFE


def test_a_term_is_held_until_another_process_takes_its_lease(database: Database) -> None:
    def holds(owner: str, fence: int) -> bool:
        values = leases.term_values(Term("a", owner, fence))
        held = database.read(lambda session: session.scalar(select(leases.IS_HELD), values))
        return bool(held)

    claim(database, "me")
    assert (holds("me", 1), holds("you", 1), holds("me", 2)) == (True, False, False)
    claim(database, "you", LIFE)
    assert (holds("me", 1), holds("you", 2), holds("you", 1)) == (False, True, False)


def test_a_token_names_the_process_and_its_term() -> None:
    assert Term("a", "me", 7).token == "me:7"
    assert Term("a", "me", NO_FENCE).token == "me:0"


def test_the_machines_on_a_server_go_by_its_time(database: Database) -> None:
    found = database.read(lambda session: leases.get_time(session, NOW))
    if database.is_sqlite:
        assert found == NOW
    else:
        assert abs(found - datetime.now(UTC)) < timedelta(minutes=1)
