"""The stores that are measured, new and filled: a SQLite file, and a PostgreSQL server of one's own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage.database import Database
from tests.postgres import find_binaries, postgres_server
from tests.stores import Fill, new_file

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"

ABOUT = (
    "SQLite: a file on the disk, synchronous=FULL as the program has it.\n"
    "PostgreSQL: a server of our own with fsync=off, synchronous_commit=off, full_page_writes=off and its\n"
    "files in memory where there is room: a server that waits for its disk is slower at every commit."
)


@dataclass(frozen=True)
class Kind:
    """One kind of store; `open` gives the URL of a new one that was filled in a way."""

    name: str
    make: Callable[[Fill], str]
    drop: Callable[[str], None]

    @contextmanager
    def new(self, fill: Fill) -> Iterator[str]:
        """Give the URL of a new store which was filled in a way."""
        url = self.make(fill)
        try:
            yield url
        finally:
            self.drop(url)

    @contextmanager
    def database(self, fill: Fill) -> Iterator[Database]:
        """Give a new store, open, which was filled in a way."""
        with self.new(fill) as url:
            database = Database(url)
            try:
                yield database
            finally:
                database.close()


@contextmanager
def every_kind() -> Iterator[list[Kind]]:
    """Give the kinds of store that there are on this machine; a server runs meanwhile."""
    with ExitStack() as stack:
        kinds = [Kind(SQLITE, _new_file, _drop_file)]
        if find_binaries() is not None:
            server = stack.enter_context(postgres_server())
            kinds.append(Kind(POSTGRESQL, server.new_database, server.drop_database))
        yield kinds


def _new_file(fill: Fill) -> str:
    """Make a SQLite store in a folder of its own."""
    return new_file(Path(tempfile.mkdtemp(prefix="bench-")), fill)


def _drop_file(url: str) -> None:
    """Delete a SQLite store with its folder."""
    path = Database(url).path
    assert path is not None
    shutil.rmtree(path.parent)
