"""The store's promises: one transaction for each unit of work, no lost update, reads that only read."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.store import Store
from storage.claims import Claim, Purpose
from storage.database import BUSY_TIMEOUT_MS, Database, Session, StoreUnavailable, parse_url
from storage.organisations import Organisation, add_organisation
from storage.people import Person, add_person
from tests.storage.conftest import NOW, AddPerson
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")

THREADS, ROUNDS = 8, 100


def increment(session: Session, person_id: int) -> None:
    """Read a number and write the next one."""
    person = session.get_one(Person, person_id, with_for_update=True)
    person.name = str(int(person.name) + 1)


def value_of(database: Database, person_id: int) -> str:
    """Return the number."""
    return database.read(lambda session: session.get_one(Person, person_id).name)


def add_counter(database: Database) -> int:
    """Return the id of a row which counts."""
    return database.write(lambda session: add_person(session, "0", "pl", NOW)).id


async def test_no_increment_is_lost_when_many_ask_the_store_at_once(database: Database) -> None:
    store, counter = Store(database), add_counter(database)

    async def ask() -> None:
        for _ in range(ROUNDS):
            await store.write(partial(increment, person_id=counter))

    await asyncio.gather(*(ask() for _ in range(THREADS)))
    assert value_of(database, counter) == str(THREADS * ROUNDS)
    store.close()


def test_no_increment_is_lost_between_processes(database: Database) -> None:
    """Several databases on one store stand for several processes: only its own lock is between them."""
    counter = add_counter(database)
    others = [beside(database) for _ in range(THREADS)]

    def work(other: Database) -> None:
        for _ in range(ROUNDS // 5):
            other.write(partial(increment, person_id=counter))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, others))
    for other in others:
        other.close()
    assert value_of(database, counter) == str(THREADS * (ROUNDS // 5))


@pytest.mark.stores("sqlite")
def test_every_connection_waits_for_a_lock_as_long_as_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BUSY_TIMEOUT_MS > 0
    for milliseconds in (BUSY_TIMEOUT_MS, 1_234):
        monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", milliseconds)
        made = Database(f"sqlite:///{tmp_path / 'store.db'}")
        assert pragma(made.write, "busy_timeout") == milliseconds
        assert pragma(made.read, "busy_timeout") == milliseconds
        made.close()


FULL = 2
"""A commit is on the disk when it returns (SQLite, "PRAGMA synchronous")."""


def pragma(run: Callable[[Callable[[Session], object]], object], name: str) -> object:
    """Return a setting of the connection on which `run` does its work."""
    return run(lambda session: session.scalar(text(f"PRAGMA {name}")))


@pytest.mark.stores("sqlite")
def test_readers_and_the_writer_do_not_wait_for_each_other(database: Database) -> None:
    assert pragma(database.write, "journal_mode") == "wal"
    assert pragma(database.read, "journal_mode") == "wal"
    assert pragma(database.write, "synchronous") == FULL


@pytest.mark.stores("sqlite")
def test_a_unit_of_work_that_has_only_read_yet_keeps_other_writers_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it read is then still true when it writes."""
    counter = add_counter(database)
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    other = Database(f"sqlite:///{database.path}")

    def work(session: Session) -> None:
        session.get_one(Person, counter)
        with pytest.raises(StoreUnavailable, match="locked"):
            other.write(partial(increment, person_id=counter))
        increment(session, counter)

    database.write(work)
    assert value_of(database, counter) == "1"
    other.close()


def test_a_failed_unit_of_work_leaves_nothing(database: Database) -> None:
    def work(session: Session) -> None:
        add_person(session, "Half", "pl", NOW)
        raise LookupError

    with pytest.raises(LookupError):
        database.write(work)
    assert database.read(lambda session: session.query(Person).count()) == 0


def test_reading_refuses_to_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):  # not StoreUnavailable: it would not do later either
        database.read(lambda session: add_person(session, "Nobody", "pl", NOW))
    assert database.read(lambda session: session.query(Person).count()) == 0


def test_reading_sees_no_half_of_what_is_being_written(database: Database) -> None:
    written, looked = threading.Event(), threading.Event()

    def work(session: Session) -> None:
        add_person(session, "Half", "pl", NOW)
        written.set()
        assert looked.wait(30)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(database.write, work)
        assert written.wait(30)
        seen = database.read(lambda session: session.query(Person).count())
        looked.set()
        writing.result(30)
    assert seen == 0
    assert database.read(lambda session: session.query(Person).count()) == 1


@pytest.mark.stores("sqlite")
def test_a_store_held_by_another_process_is_unavailable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    other = beside(database)

    def work(session: Session) -> None:
        add_person(session, "First", "pl", NOW)
        with pytest.raises(StoreUnavailable, match="locked"):
            other.write(lambda session: add_person(session, "Second", "pl", NOW))

    database.write(work)
    assert other.write(lambda session: add_person(session, "Third", "pl", NOW)).id == 2
    other.close()


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'store.db'}")
    with pytest.raises(StoreUnavailable):
        database.write(lambda session: add_person(session, "", "pl", NOW))
    with pytest.raises(StoreUnavailable):
        database.read(lambda session: session.get(Person, 1))
    database.close()


def test_foreign_keys_hold(database: Database, add: AddPerson) -> None:
    anna = add("Anna")

    def work(session: Session) -> None:
        session.get_one(Person, anna).organisation_id = 404

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        database.write(work)


def test_a_naive_time_is_refused(database: Database) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(Exception, match="a time in the store must be aware"):
        database.write(lambda session: add_person(session, "Anna", "pl", naive))


def test_a_time_comes_back_in_utc(database: Database) -> None:
    warsaw = datetime(2026, 11, 23, 20, 30, 15, 123456, tzinfo=timezone(timedelta(hours=1)))
    database.write(lambda session: session.add(Claim(digest="x", purpose=Purpose.LINK, expires_at=warsaw)))
    found = database.read(lambda session: session.get_one(Claim, "x")).expires_at
    assert found == warsaw
    assert found.tzinfo is UTC


def test_an_error_of_the_database_does_not_quote_what_was_to_be_stored(database: Database) -> None:
    database.write(lambda session: add_organisation(session, "Tajna sp. z o.o.", "company"))
    with pytest.raises(Exception, match=r"(?i)unique") as caught:
        database.write(lambda session: add_organisation(session, "Tajna sp. z o.o.", "company"))
    assert "Tajna" not in str(caught.value)


def test_lists_are_kept_as_lists(database: Database) -> None:
    database.write(lambda session: add_organisation(session, "Izba", "chamber", ["RIPH", "Żółw „x”"]))
    found = database.read(lambda session: session.query(Organisation).one())
    assert found.aliases == ["RIPH", "Żółw „x”"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "mysql://root@localhost/x",
        "postgres",
        "postgresql://user:s3cret-port",
        "postgresql://user:s3cret@host:many/name",
    ],
)
def test_a_url_without_a_driver_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^expected sqlite:///file\.db or postgresql://") as caught:
        parse_url(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///store.db", "sqlite+pysqlite"),
        ("sqlite:////var/lib/store.db", "sqlite+pysqlite"),
        ("sqlite+aiosqlite:///store.db", "sqlite+pysqlite"),
        ("postgresql://user:word@host/name", "postgresql+psycopg"),
        ("postgresql+asyncpg://host/name", "postgresql+psycopg"),
    ],
)
def test_the_program_chooses_the_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver
