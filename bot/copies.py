"""The commands `backup` and `restore`: copies of a SQLite database; PostgreSQL has tools of its own."""

import shlex
import signal
import sys
from datetime import datetime
from pathlib import Path

from bot.config import Settings
from storage import backup, lock
from storage.backup import BackupError
from storage.database import Database

AGREED = {"tak", "t", "yes", "y"}

SETTLE = (
    "UPDATE delivery SET state = 'unknown' WHERE state IN ('pending', 'claimed', 'sending');"
    " UPDATE run SET state = 'filled' WHERE state = 'filling'"
)
"""What `storage.backup` does to a copy of SQLite, in PostgreSQL's words."""


def back_up(settings: Settings, file: Path) -> int:
    """Copy the database into a new file, also while the bot runs; return the exit status."""
    database = Database(settings.database_url)
    if database.path is None:
        address = shlex.quote(backup.address_without_password(database))
        print(
            "The database is PostgreSQL: copy it with its own tool.\n"
            f"  pg_dump --format=custom --file={shlex.quote(str(file))} {address}",
            file=sys.stderr,
        )
        return 1
    _end_cleanly_on_sigterm()
    try:
        backup.back_up(database, file)
    except BackupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{file} is a copy of {database.path}.")
    return 0


def restore(settings: Settings, file: Path, *, agreed: bool) -> int:
    """Put a copy in the database's place while nothing runs; return the exit status.

    Unless it is `agreed` already, a person at a terminal is asked before a database is replaced.
    """
    database = Database(settings.database_url)
    if database.path is None:
        _say_how_postgresql_restores(database, file)
        return 1
    _end_cleanly_on_sigterm()
    try:
        with lock.hold(database):
            return _replace(database, database.path, file, datetime.now(settings.zone), agreed=agreed)
    except BackupError as error:
        print(error, file=sys.stderr)
        return 1


def _replace(database: Database, path: Path, file: Path, now: datetime, *, agreed: bool) -> int:
    """Check the copy, ask, and replace the database; return the exit status."""
    with backup.replacement(file, database) as new:
        if path.exists() and not agreed:
            _ask_whether_to_replace(path, file)
        aside = backup.put_in_place(new, database, now)
    print(
        f"{path} is now what {file} holds. Messages that waited in it, may have been sent since and so are"
        f" marked as unknown: {new.marked}."
    )
    if aside is not None:
        print(f"The database before is kept as {aside}.")
    return 0


def _ask_whether_to_replace(path: Path, file: Path) -> None:
    """Ask at the terminal; raises BackupError unless the answer is yes, or where there is no terminal."""
    if not sys.stdin.isatty():
        raise BackupError(f"{path} would be replaced: add --yes if that is meant.")
    try:
        answer = input(f"Replace {path} with {file}? It is kept under another name. (tak/yes) ")
    except EOFError:
        answer = ""
    if answer.strip().casefold() not in AGREED:
        raise BackupError("Nothing was changed.")


def _say_how_postgresql_restores(database: Database, file: Path) -> None:
    """Print the commands which do on PostgreSQL what `restore` does."""
    address = shlex.quote(backup.address_without_password(database))
    print(
        "The database is PostgreSQL: stop the bot and use its own tools (psql for a dump in plain SQL);"
        " the second line lets nothing be sent twice.\n"
        f"  pg_restore --clean --if-exists --single-transaction --dbname={address} {shlex.quote(str(file))}\n"
        f'  psql {address} --command="{SETTLE}"',
        file=sys.stderr,
    )


def _end_cleanly_on_sigterm() -> None:
    """Let SIGTERM end the program as Ctrl-C does, so that no half written file stays."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
