"""Links between accounts: whose copies of an announcement are withdrawn, and what is locked."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from storage import broadcasts, links
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session, StoreUnavailable
from storage.deliveries import State
from storage.people import Account, list_coordinators
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    EVERYONE,
    at_once,
    broadcast,
    claim,
    every_row,
    fill,
    hold,
    record,
    start_run,
)
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")


@pytest.fixture
def both(add: AddPerson, database: Database) -> tuple[int, int]:
    """Return the accounts of two people, one on "telegram" and one on "web"."""
    add("phone")
    caller = Caller("web", "page", "page", private=True, name="", locale="pl")
    database.write(lambda session: ensure_conversation(session, caller, NOW))
    return account(database, "phone"), account(database, "page")


def account(database: Database, sender: str) -> int:
    """Return the id of somebody's account."""
    return database.read(lambda session: session.query(Account).filter_by(sender=sender).one().id)


def join(session: Session, here: int, there: int) -> None:
    """Link two accounts."""
    pair = links.lock_pair(session, session.get_one(Account, here), there)
    assert pair is not None
    links.set_linked(session, pair, NOW)


def link(database: Database, both: tuple[int, int]) -> None:
    """Link two accounts in a transaction."""
    database.write(lambda session: join(session, *both))


def where(database: Database) -> list[tuple[str, State]]:
    """Return the address and state of every delivery."""
    return [(row.address, row.state) for row in every_row(database)]


def claim_on(database: Database, channel: str, state: State) -> None:
    """Let what is due on a channel come to something."""
    [due] = claim(database, hold(database, name=channel))
    record(database, due, state)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_copies_that_wait_one_is_withdrawn(
    database: Database, both: tuple[int, int], first: int
) -> None:
    broadcast(database, "broadcast")
    link(database, (both[first], both[1 - first]))
    assert where(database) == [("phone", State.PENDING)]


def test_a_copy_that_is_on_its_way_stands_before_one_that_waits(
    database: Database, both: tuple[int, int]
) -> None:
    broadcast(database, "broadcast")
    claim_on(database, "web", State.SENT)
    link(database, both)
    assert where(database) == [("page", State.SENT)]


def test_a_copy_that_was_not_taken_stands_before_nothing(database: Database, both: tuple[int, int]) -> None:
    broadcast(database, "broadcast")
    claim_on(database, "telegram", State.FAILED)
    link(database, both)
    assert where(database) == [("phone", State.FAILED), ("page", State.PENDING)]


def test_what_has_arrived_twice_stays_as_it_is(database: Database, both: tuple[int, int]) -> None:
    broadcast(database, "broadcast")
    for channel in ("telegram", "web"):
        claim_on(database, channel, State.SENT)
    link(database, both)
    assert where(database) == [("phone", State.SENT), ("page", State.SENT)]


@pytest.mark.parametrize("page", [1, 2])
def test_somebody_linked_between_two_pages_gets_one_copy(
    database: Database, both: tuple[int, int], page: int
) -> None:
    run_id = start_run(database)
    link(database, both)
    fill(database, run_id, page)
    assert len(where(database)) == 1
    counts = database.read(lambda session: broadcasts.count_recipients(session, EVERYONE))
    assert sum(counts.values()) == 1


def test_whoever_has_no_account_left_is_counted_and_listed_no_more(
    database: Database, both: tuple[int, int]
) -> None:
    def promote(session: Session) -> None:
        for one in session.query(Account):
            person = links._lock_accounts(session, {one.person_id})[0].person
            person.coordinates = True

    database.write(promote)
    assert len(database.read(list_coordinators)) == 2
    link(database, both)
    assert len(database.read(list_coordinators)) == 1


@pytest.mark.stores("postgresql")
def test_both_people_are_locked_while_they_are_linked(database: Database, both: tuple[int, int]) -> None:
    def work(session: Session) -> None:
        join(session, *both)
        for channel, sender in (("telegram", "phone"), ("web", "page")):
            caller = Caller(channel, sender, sender, private=True, name="", locale="pl")
            with pytest.raises(StoreUnavailable):
                at_once(database, partial(ensure_conversation, caller=caller, now=NOW))

    database.write(work)


@pytest.mark.stores("postgresql")
def test_who_waits_for_an_account_links_with_whom_it_belongs_to_by_then(
    database: Database, both: tuple[int, int], add: AddPerson
) -> None:
    """A third one sends a code of the page while the page is being linked with the phone."""
    add("third")
    third, other = account(database, "third"), beside(database)

    def link_third(session: Session) -> int:
        pair = links.lock_pair(session, session.get_one(Account, third), both[1])
        return len(pair.accounts) if pair is not None else 0

    def link_both(session: Session) -> Future[int]:
        join(session, *both)
        waiting = threads.submit(other.write, link_third)
        wait_for_lock(session)
        return waiting

    with ThreadPoolExecutor(1) as threads:
        assert database.write(link_both).result() == 3
    other.close()


def wait_for_lock(session: Session) -> None:
    """Return once another transaction waits for a row; fail when none does."""
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    give_up_at = time.monotonic() + 20
    while session.scalar(waits) == 0:
        session.execute(text("SELECT pg_stat_clear_snapshot()"))
        assert time.monotonic() < give_up_at
