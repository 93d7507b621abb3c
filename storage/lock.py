"""Locks between processes: one at a time on a SQLite file, and one at a time that makes a store ready.

That of a SQLite file is a lock beside it, which the kernel drops with the process.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from storage.database import Database, StoreUnavailable, availability

MAKING_READY = 0x61676C6F
"""The number of PostgreSQL's advisory lock for making a store ready; nothing else of ours uses one."""


class StoreInUse(Exception):
    """Another process works on the store; the text says which store and what to do."""


@contextmanager
def hold(database: Database) -> Iterator[None]:
    """Keep a SQLite database to this process until the block ends; PostgreSQL needs no such thing.

    Raises StoreInUse when another process has it, and StoreUnavailable when its folder cannot be used.
    """
    if database.path is None:
        yield
        return
    descriptor = _lock(database.path)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def make_ready(database: Database) -> Iterator[None]:
    """Let the processes that start on one store make it ready one after the other.

    On SQLite there is nothing to do: its write transactions exclude each other. Raises StoreUnavailable.
    """
    if database.is_sqlite:
        yield
        return
    # Not in a transaction, which the server would break off for doing nothing meanwhile.
    outside = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with availability(), outside.connect() as connection:
        connection.execute(select(func.pg_advisory_lock(MAKING_READY)))
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(MAKING_READY)))


def _lock(path: Path) -> int:
    """Return the descriptor that holds the lock of a database's file.

    The lock is on a file of its own, which stays. On the database itself, closing the descriptor would drop
    SQLite's locks; and were the file deleted, two processes could each lock another file of the same name.
    """
    real = path.resolve()  # the same file may be known under several names
    try:
        return lock_file(real.with_name(f"{real.name}-lock"))
    except BlockingIOError as error:
        raise StoreInUse(
            f"Another process works on {path}: stop it first."
            " Several processes can share PostgreSQL, see README."
        ) from error
    except OSError as error:
        raise StoreUnavailable(f"{error.filename}: {error.strerror}") from error


def lock_file(path: Path) -> int:
    """Lock a file, made if it is not there, and return the descriptor that holds the lock until it is closed.

    Raises BlockingIOError when another process holds it, and OSError when the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
