"""The commands `backup` and `restore`, each as a process of its own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import __main__ as program
from storage.claims import Claim
from storage.database import Database
from tests.bot.processes import PATIENCE, call, end, environment, make_store, names_in, running

STORE = "aglomeracja.db"
POSTGRES = "postgresql://bot:s3cret@127.0.0.1:1/name"


@contextmanager
def store_in(folder: Path) -> Iterator[Database]:
    """Give the store of a folder."""
    database = Database(f"sqlite:///{folder / STORE}")
    yield database
    database.close()


def codes(folder: Path) -> int:
    """Return how many coordinator's codes the store has: one for each `claim`."""
    with store_in(folder) as database:
        return database.read(lambda session: session.query(Claim).count())


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence with which a command has refused."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Return a folder with a store that has one code, and a copy of it, copy.db, that has none."""
    make_store(tmp_path)
    done = call(tmp_path, "backup", "copy.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "copy.db is a copy of aglomeracja.db.\n"
    assert call(tmp_path, "claim").returncode == 0
    return tmp_path


def test_a_name_that_is_taken_is_refused(copied: Path) -> None:
    assert "copy.db exists already" in refusal(call(copied, "backup", "copy.db"))


def test_there_must_be_a_database_to_copy(tmp_path: Path) -> None:
    assert "There is no database" in refusal(call(tmp_path, "backup", "copy.db"))
    assert names_in(tmp_path) == []


async def test_a_bot_at_work_is_copied_but_not_replaced(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, _):
        done = await asyncio.to_thread(call, tmp_path, "backup", "copy.db")
        assert (done.returncode, done.stderr) == (0, "")
        done = await asyncio.to_thread(call, tmp_path, "restore", "copy.db", "--yes")
        assert "stop it first" in refusal(done)
        assert await end(process, signal.SIGTERM) == (0, "")
    assert names_in(tmp_path) == [STORE, f"{STORE}-lock", "copy.db"]


def test_restore_says_what_it_did(copied: Path) -> None:
    assert codes(copied) == 1
    done = call(copied, "restore", "copy.db", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.startswith("aglomeracja.db is now what copy.db holds.")
    assert first.endswith("marked as unknown: 0.")
    found = re.fullmatch(r"The database before is kept as (.+\.db\.before-\d{8}-\d{6})\.", second)
    assert found is not None
    assert Path(found[1]).is_file()
    assert codes(copied) == 0


def test_restore_into_an_empty_place_asks_nothing(copied: Path) -> None:
    (copied / STORE).unlink()
    done = call(copied, "restore", "copy.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert codes(copied) == 0


def test_restore_without_a_terminal_needs_yes(copied: Path) -> None:
    assert "add --yes" in refusal(call(copied, "restore", "copy.db"))
    assert codes(copied) == 1


def at_terminal(folder: Path, answer: bytes) -> subprocess.CompletedProcess[str]:
    """Restore at a terminal at which somebody types."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, answer)
    try:
        return subprocess.run(
            [sys.executable, "-m", "bot", "restore", "copy.db"],
            cwd=folder,
            env=environment(folder),
            stdin=terminal,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.parametrize("answer", [b"tak\n", b"YES\n"])
def test_at_a_terminal_one_may_agree(copied: Path, answer: bytes) -> None:
    done = at_terminal(copied, answer)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Replace aglomeracja.db with copy.db?" in done.stdout
    assert codes(copied) == 0


@pytest.mark.parametrize("answer", [b"nie\n", b"\n", b"\x04"])
def test_anything_else_changes_nothing(copied: Path, answer: bytes) -> None:
    done = at_terminal(copied, answer)
    assert done.returncode == 1
    assert "Nothing was changed." in done.stderr
    assert codes(copied) == 1
    assert names_in(copied) == [STORE, f"{STORE}-lock", "copy.db"]


@pytest.mark.parametrize(("command", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_postgresql_has_its_own_tools(tmp_path: Path, command: str, tool: str) -> None:
    done = call(tmp_path, command, "my copy", DATABASE_URL=POSTGRES)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(rf"^  {tool} .*postgresql://bot@127\.0\.0\.1:1/name", done.stderr, re.MULTILINE)
    assert "'my copy'" in done.stderr
    assert "s3cret" not in done.stderr
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace(
    copied: Path,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(copied)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{STORE}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    monkeypatch.setattr("storage.backup._sync", lambda _path: signal.raise_signal(number))
    try:
        assert program.main(["backup", "other.db"]) == 1
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
    assert capsys.readouterr() == ("", "Interrupted.\n")
    assert names_in(copied) == [STORE, "copy.db"]
