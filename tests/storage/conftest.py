"""An empty store, and people in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from storage import migrate
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session
from tests.stores import NewStore

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)

AddPerson = Callable[..., int]


@pytest.fixture
def database(new_store: NewStore) -> Iterator[Database]:
    """Return a store with its tables and no rows."""
    made = Database(new_store(migrate.upgrade))
    yield made
    made.close()


@pytest.fixture
def add(database: Database) -> AddPerson:
    """Return what adds a person with an open account on "telegram" and returns the person's id.

    The account's sender and address are the name; keywords set what is to be different about the person.
    """

    def add_one(name: str, locale: str = "pl", **different: object) -> int:
        caller = Caller("telegram", name, name, private=True, name=name, locale=locale)

        def work(session: Session) -> int:
            person = ensure_conversation(session, caller, NOW).account.person
            for key, value in different.items():
                setattr(person, key, value)
            return person.id

        return database.write(work)

    return add_one
