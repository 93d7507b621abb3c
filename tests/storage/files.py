"""Looking into the files of a store, past the program."""

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.database import Database
from storage.people import add_person
from tests.storage.conftest import NOW


def ask(path: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    """Return what a file answers to a query; what it changes is kept."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(query, values).fetchall()


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def people(path: Path) -> list[str]:
    """Return the names of the people in a file."""
    return [str(name) for (name,) in ask(path, "SELECT name FROM person ORDER BY id")]


def add(database: Database, name: str) -> int:
    """Add a person and return the id."""
    return database.write(lambda session: add_person(session, name, "pl", NOW)).id


def damage(path: Path) -> None:
    """Overwrite all pages of a database but the first."""
    length = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"x" * (length - 4_096))
