"""The program as a process of its own, in an empty folder."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from handlers.questions.library import load_knowledge
from storage import migrate
from storage.database import Database

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
"""Seconds after which a process counts as stuck."""


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment with nothing set but what is given, and an empty home."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return known | {"WEB_HOST": "127.0.0.1", "WEB_PORT": "0"} | variables


def call(
    folder: Path, *arguments: str, lines: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(folder, **variables),
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def make_store(folder: Path) -> None:
    """Make the store that the commands find by default."""
    database = Database(f"sqlite:///{folder / 'aglomeracja.db'}")
    migrate.upgrade(database)
    database.write(partial(load_knowledge, now=datetime.now(UTC)))
    database.close()


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())
