"""Copies of a SQLite database: made while the bot works on it, and taken back while it does not.

Every file comes into being under a passing name, is checked and synced, and only then gets its own.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp

from sqlalchemy import Connection, column, create_engine, delete, inspect, select, table, update
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from storage import database as store
from storage import migrate
from storage.database import Database

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite may keep beside a database, by the end of the name."""

# A copy may be of an earlier version than the program's classes, so it goes by the columns it has in all.
DELIVERY = table("delivery", column("state"))
RUN = table("run", column("state"))
VERSION = table("alembic_version", column("version_num"))


class BackupError(Exception):
    """It could not be done, and nothing has changed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A checked copy beside the database, and how many messages that waited in it are now unknown."""

    path: Path
    marked: int


def back_up(database: Database, target: Path) -> None:
    """Copy a SQLite database, which others may be writing to, into a new file.

    Raises BackupError, and then there is no new file.
    """
    source = _place(database)
    if not source.is_file():
        raise BackupError(f"There is no database {database.path} to copy: see DATABASE_URL.")
    if os.path.lexists(target):
        raise BackupError(f"{target} exists already: name a new file.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}: make it first.")
    with _explained("no copy was made"), _passing_file(target) as copy:
        with closing(_open(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        # The indexes have just been built anew, so that only the pages and rows are left to be checked.
        _check_integrity(copy, database.path, "quick_check")
        _sync(copy)
        copy.rename(target)
        _sync(target.parent)


@contextmanager
def replacement(source: Path, database: Database) -> Iterator[Replacement]:
    """Check a back-up and give a copy of it beside the database; it is deleted if it was not put in place.

    Of what waited to be sent when the back-up was made nobody knows whether it was sent since, so nothing
    of it is sent again. Raises BackupError when the back-up cannot be used.
    """
    place = _place(database)
    if not source.is_file():
        raise BackupError(f"There is no file {source}: name a copy that `aglomeracja backup` made.")
    if place.exists() and source.samefile(place):
        raise BackupError(f"{source} is the database itself: name a copy of it.")
    with _explained("nothing was changed"), _passing_file(place) as copy:
        shutil.copyfile(source, copy)
        if (journal := _side_file(source, "-wal")).exists():  # no copy of ours has one, but somebody else's
            shutil.copyfile(journal, _side_file(copy, "-wal"))
        _check_integrity(copy, source)
        marked = _settle(copy, source)
        _sync(copy)
        yield Replacement(copy, marked)


def put_in_place(new: Replacement, database: Database, now: datetime) -> Path | None:
    """Let a replacement be the database; return under which name the one before now lies, if there was one.

    Nobody else may be using the database, see `storage.lock`. `now` names the file that is set aside.
    Raises BackupError when another program has the database open.
    """
    place = _place(database)
    aside = place.with_name(f"{place.name}.before-{now:%Y%m%d-%H%M%S}")
    if aside.exists():
        raise BackupError(f"{aside} exists already: move it away, or try again in a second.")
    was_there = place.exists()
    with _explained("look for the database beside it"):
        if was_there:
            _merge_journal(place)
            _take_owner(new.path, place)
            _set_aside(place, aside)
        for end in SIDE_FILES:  # left only by a database that cannot be read, or that is gone
            if (old := _side_file(place, end)).exists():
                old.replace(_side_file(aside, end))
        new.path.replace(place)
        _sync(place.parent)
    return aside if was_there else None


def address_without_password(database: Database) -> str:
    """Return the address of a PostgreSQL database as its own tools take it, without the password."""
    url = database.url
    open_query = {name: value for name, value in url.query.items() if "password" not in name}
    # Not url.set(): that takes a password of None for one which is to stay.
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, open_query)
    return bare.render_as_string(hide_password=False)


def _place(database: Database) -> Path:
    """Return where a SQLite database really is: a link to it is to stay a link."""
    if database.path is None:
        raise TypeError("only a SQLite database is a file")
    return database.path.resolve()


@contextmanager
def _explained(outcome: str) -> Iterator[None]:
    """Raise BackupError with the reason and the outcome for what the system or SQLite refuses."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{error.filename}: {error.strerror}; {outcome}.") from error
    except sqlite3.Error as error:
        raise BackupError(f"SQLite says: {error}; {outcome}.") from error


@contextmanager
def _passing_file(target: Path) -> Iterator[Path]:
    """Give an empty file beside another, readable only for its owner; delete it unless it was renamed."""
    descriptor, name = mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        for end in ("", *SIDE_FILES):
            _side_file(path, end).unlink(missing_ok=True)


def _side_file(path: Path, end: str) -> Path:
    """Return the file beside a database whose name goes on with `end`."""
    return path.with_name(path.name + end)


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that must exist; what it does is committed at once."""
    patience = store.BUSY_TIMEOUT_MS / 1000
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience
    )


def _check_integrity(copy: Path, source: Path | None, check: str = "integrity_check") -> None:
    """Raise BackupError when a copy is no sound SQLite database, as far as SQLite's `check` finds."""
    try:
        with closing(_open(copy)) as connection:
            found = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # the disk is full or the like: that says nothing about the copy
        found = str(error)
    if found != "ok":
        raise BackupError(f"{source} is not a sound SQLite database ({' '.join(found.split())}).")


def _settle(copy: Path, source: Path) -> int:
    """Let nothing that waits in a copy be sent; return how many messages that are.

    Raises BackupError when the copy is not of this program, or of a newer version of it.
    """
    engine = create_engine("sqlite://", creator=lambda: _open(copy), poolclass=NullPool)
    with engine.begin() as connection:
        _check_version(connection, source)
        waiting = DELIVERY.c.state.in_(["pending", "claimed", "sending"])
        marked = connection.execute(update(DELIVERY).where(waiting).values(state="unknown")).rowcount
        # Whom a half written announcement does not reach yet, it may have reached since.
        connection.execute(update(RUN).where(RUN.c.state == "filling").values(state="filled"))
        if inspect(connection).has_table("lease"):
            connection.execute(delete(table("lease")))
    return marked


def _check_version(connection: Connection, source: Path) -> None:
    """Raise BackupError when a database does not have our tables, or those of a newer version."""
    names = set(inspect(connection).get_table_names())
    found = connection.scalar(select(VERSION.c.version_num)) if VERSION.name in names else None
    if found is None or not {DELIVERY.name, RUN.name} <= names:
        raise BackupError(f"{source} is a database of another program: name a copy of this bot's.")
    if found not in migrate.known_revisions():
        raise BackupError(f"{source} is of a newer version ({found}) than this program: update the program.")


def _merge_journal(place: Path) -> None:
    """Bring what is only in a database's WAL into its file, if it can be read.

    Raises BackupError when another program has it open: that would go on writing to what is set aside.
    """
    mode = "delete"
    try:
        with closing(_open(place)) as connection:
            # As wal_checkpoint(TRUNCATE), but it succeeds only for whoever is alone, and deletes the files.
            mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            mode = "busy"
    if mode != "delete":
        raise BackupError(f"Another program has {place} open: end it first.")


def _take_owner(copy: Path, place: Path) -> None:
    """Let a copy be as accessible as the database: root may restore what another user runs."""
    known = place.stat()
    copy.chmod(known.st_mode & 0o777)
    with suppress(PermissionError):
        os.chown(copy, known.st_uid, known.st_gid)


def _set_aside(place: Path, aside: Path) -> None:
    """Give the database another name, if the file system can, as a second one: there is never none."""
    try:
        aside.hardlink_to(place)
    except OSError:
        place.rename(aside)


def _sync(path: Path) -> None:
    """Return when a file or folder has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
