"""What only a server does: it goes away, in the middle of something or between, and comes back."""

import pytest
from sqlalchemy import text

from storage.database import Database, Session, StoreUnavailable
from storage.people import Person, add_person
from tests.storage.conftest import NOW
from tests.stores import beside

pytestmark = pytest.mark.stores("postgresql")

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def cut(database: Database) -> None:
    """End every connection to the store, as a server that is restarted does."""
    other = beside(database)
    assert other.write(lambda s: s.scalars(text(f"SELECT pg_terminate_backend(pid, 9000) {OTHERS}")).all())
    other.close()


def count(database: Database) -> int:
    """Return how many people there are."""
    return database.read(lambda session: session.query(Person).count())


def test_after_a_restart_of_the_server_the_next_work_is_done(database: Database) -> None:
    assert count(database) == 0
    cut(database)
    database.write(lambda session: add_person(session, "Anna", "pl", NOW))
    cut(database)
    assert count(database) == 1


def test_work_that_a_restart_breaks_off_is_unavailable_and_leaves_nothing(database: Database) -> None:
    def work(session: Session) -> None:
        add_person(session, "Anna", "pl", NOW)
        cut(database)
        add_person(session, "Jan", "pl", NOW)

    with pytest.raises(StoreUnavailable):
        database.write(work)
    assert count(database) == 0


def test_a_commit_that_a_restart_breaks_off_is_unavailable(database: Database) -> None:
    def work(session: Session) -> None:
        add_person(session, "Anna", "pl", NOW)
        cut(database)

    with pytest.raises(StoreUnavailable):
        database.write(work)
    assert count(database) == 0


def test_a_server_that_takes_no_writes_for_now_is_unavailable(database: Database) -> None:
    def work(session: Session) -> None:
        session.execute(text("SET TRANSACTION READ ONLY"))  # as on the second server until it takes over
        add_person(session, "Anna", "pl", NOW)

    with pytest.raises(StoreUnavailable):
        database.write(work)


def test_a_process_that_hangs_in_a_transaction_does_not_hold_up_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.IDLE_SECONDS", 0.1)
    anna = database.write(lambda session: add_person(session, "Anna", "pl", NOW)).id
    hung, other = beside(database), beside(database)

    def hang(session: Session) -> None:
        session.get_one(Person, anna).name = "Ewa"
        session.flush()
        other.write(lambda another: rename(another, "Jan"))
        session.flush()

    def rename(session: Session, name: str) -> None:
        session.execute(text("SET LOCAL lock_timeout = '20s'"))
        session.get_one(Person, anna).name = name

    with pytest.raises(StoreUnavailable):
        hung.write(hang)
    assert database.read(lambda session: session.get_one(Person, anna).name) == "Jan"
    assert hung.read(lambda session: session.query(Person).count()) == 1
    hung.close()
    other.close()


def test_reading_may_take_its_time_as_it_keeps_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.IDLE_SECONDS", 0.1)
    slow, other = beside(database), beside(database)

    def think(session: Session) -> int:
        found = session.query(Person).count()
        other.read(lambda another: another.execute(text("SELECT pg_sleep(0.5)")))
        return found

    assert slow.read(think) == 0
    slow.close()
    other.close()


def test_a_server_that_is_not_there_is_unavailable(database: Database) -> None:
    gone = Database(f"{database.url.render_as_string(hide_password=False)}-elsewhere")
    for run in (gone.write, gone.read):
        with pytest.raises(StoreUnavailable):
            run(lambda session: session.get(Person, 1))
    gone.close()
