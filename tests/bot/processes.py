"""The program as a process of its own, in an empty folder."""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from handlers.questions.library import load_knowledge
from storage import migrate
from storage.database import Database

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
"""Seconds after which a process counts as stuck."""

GRACE = 10.0
"""Seconds that the program may take to end (`bot.app.GRACE`)."""


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


@asynccontextmanager
async def running(folder: Path, **variables: str) -> AsyncIterator[tuple[Process, list[str]]]:
    """Run the bot; give the process and the lines that it has printed when it was ready."""
    arguments = (sys.executable, "-m", "bot", "run")
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, env=environment(folder, **variables), stdout=PIPE, stderr=PIPE
    )
    try:
        yield process, await welcome(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def welcome(process: Process) -> list[str]:
    """Return what a starting bot prints, to the line that ends it."""
    assert process.stdout is not None
    lines = list[str]()
    async with asyncio.timeout(PATIENCE):
        while not lines or "nim zostanie" not in lines[-1]:
            line = await process.stdout.readline()
            assert line, f"it ended after {lines}"
            lines.append(line.decode().strip())
    return lines


async def end(process: Process, number: signal.Signals) -> tuple[int, str]:
    """Send a signal and return the exit status and what was logged."""
    process.send_signal(number)
    return await ended(process, GRACE)


async def ended(process: Process, seconds: float) -> tuple[int, str]:
    """Return the exit status and what was logged of a process which ends within so many seconds."""
    async with asyncio.timeout(seconds):
        _, logged = await process.communicate()
    assert process.returncode is not None
    return process.returncode, logged.decode()
