"""One process at a time on a SQLite file: a lock beside it, which the kernel drops with the process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.database import Database, StoreUnavailable


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
