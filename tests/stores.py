"""Stores for tests: new ones that were filled before, and how another process sees the same one."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from storage.database import Database

Fill = Callable[[Database], None]
"""Puts into an empty store what a test begins with; known by its identity, so it is no lambda."""

NewStore = Callable[[Fill | None], str]
"""Makes a new store which was filled in a way, or is empty (None), and returns its URL."""


def new_file(folder: Path, fill: Fill | None) -> str:
    """Make the SQLite store of a folder, `store.db`, and return its URL; an empty one has no file yet."""
    path = folder / "store.db"
    if fill is not None:
        shutil.copy(_filled(fill), path)
    return f"sqlite:///{path}"


def beside(database: Database) -> Database:
    """Return the same store as another process opens it."""
    return Database(database.url.render_as_string(hide_password=False))


@cache
def _filled(fill: Fill) -> Path:
    """Return a SQLite file that was filled in this way, made once for every test."""
    path = Path(tempfile.mkdtemp()) / "store.db"
    atexit.register(shutil.rmtree, path.parent)
    database = Database(f"sqlite:///{path}")
    fill(database)
    database.close()
    return path
