"""The database's driver with nothing round it: what is measured beside the program's own way to the store."""

import re
import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import psycopg

from storage.database import Database

_NAME = re.compile(r":(\w+)")


class Driver:
    """One connection; every `run` outside of `with` is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        """Connect; a SQLite file has the program's settings."""
        self._connection: Any
        self._sqlite = database.is_sqlite
        if self._sqlite:
            self._connection = sqlite3.connect(database.path or "", isolation_level=None)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._connection.execute(f"PRAGMA {setting}")
        else:
            url = database.url.set(drivername="postgresql")
            address = url.render_as_string(hide_password=False)
            self._connection = psycopg.connect(address, autocommit=True)

    def run(self, sql: str, **values: Any) -> list[Any]:
        """Execute a statement with its `:names` and return its rows, if it gives any."""
        cursor = self._connection.execute(self._adapted(sql), values)
        return cursor.fetchall() if cursor.description else []

    def run_many(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:
        """Execute a statement once for each row."""
        self._connection.cursor().executemany(self._adapted(sql), rows)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Begin a transaction."""
        self._connection.execute("BEGIN IMMEDIATE" if self._sqlite else "BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit it, or roll it back."""
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")

    def _adapted(self, sql: str) -> str:
        """Return a statement as the driver wants its parameters."""
        return sql if self._sqlite else _NAME.sub(r"%(\1)s", sql)
