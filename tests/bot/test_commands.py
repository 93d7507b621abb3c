"""The commands, each as a process of its own in an empty folder."""

import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config import Settings
from handlers.questions.library import load_knowledge
from storage import migrate
from storage.database import Database
from tests.talk import House

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


def ask(folder: Path, *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of `ask`."""
    done = call(folder, "ask", lines=[json.dumps(question) for question in questions])
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def make_store(folder: Path) -> None:
    """Make the store that the commands find by default."""
    database = Database(f"sqlite:///{folder / 'aglomeracja.db'}")
    migrate.upgrade(database)
    database.write(partial(load_knowledge, now=datetime.now(UTC)))
    database.close()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Process, list[str]]]:
    """Run the bot; give the process and the lines that it has printed when it was ready."""
    arguments = (sys.executable, "-m", "bot", "run")
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, env=environment(folder), stdout=PIPE, stderr=PIPE
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
    async with asyncio.timeout(GRACE):
        _, logged = await process.communicate()
    assert process.returncode is not None
    return process.returncode, logged.decode()


async def get(url: str) -> tuple[int, str]:
    """Return the status and text of a page."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_run_serves_until_it_is_told_to_end_and_starts_again(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with running(tmp_path) as (process, lines):
            addresses = [line for line in lines if re.fullmatch(r"http://127\.0\.0\.1:\d+", line)]
            assert len(addresses) == 1, lines
            assert any(re.fullmatch(r"/claim [2-9A-Z]{5}-[2-9A-Z]{5}", line) for line in lines), lines
            assert await get(f"{addresses[0]}/health") == (200, "ok")
            status, page = await get(addresses[0])
            assert status == 200
            assert "<html" in page
            assert await end(process, number) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aglomeracja.db"]


async def test_run_ends_while_a_page_is_open(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, lines):
        address = next(line for line in lines if line.startswith("http"))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.get(address)
            async with session.get(f"{address}/events") as stream:
                assert stream.status == 200
                assert (await end(process, signal.SIGTERM))[0] == 0


async def test_a_killed_bot_starts_again_on_its_store(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, _):
        process.kill()
        await process.wait()
    async with running(tmp_path) as (process, _):
        assert await end(process, signal.SIGTERM) == (0, "")


def test_run_says_in_one_sentence_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = call(tmp_path, "run", WEB_PORT=port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert port in done.stderr


def test_the_last_line_of_claim_is_a_code_that_works(house: House, tmp_path: Path) -> None:
    done = call(tmp_path, "claim", DATABASE_URL=f"sqlite:///{house.database.path}")
    assert (done.returncode, done.stderr) == (0, "")
    house.now = datetime.now(UTC)
    house.person("Ewa").says(f"/claim {done.stdout.splitlines()[-1]}", "Witamy w roli koordynatora")


def test_claim_works_before_the_first_start(tmp_path: Path) -> None:
    done = call(tmp_path, "claim")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"[2-9A-Z]{5}-[2-9A-Z]{5}", done.stdout.splitlines()[-1])
    assert (tmp_path / "aglomeracja.db").exists()


def test_ask_answers_each_line_in_order_without_a_store(tmp_path: Path) -> None:
    answers = ask(
        tmp_path,
        {"id": 7, "text": "Kiedy jest następne spotkanie?"},
        {"text": "When is the next meeting?", "lang": "en"},
        {"id": "x", "text": "Czy Blachownia jest w klastrze?"},
    )
    assert [answer["id"] for answer in answers] == [7, None, "x"]
    assert [sorted(answer) for answer in answers] == [["id", "options", "score", "text", "topic"]] * 3
    assert answers[0]["topic"] == answers[1]["topic"] == "meeting_next"
    assert "spotkania" in answers[0]["text"]
    assert "meeting" in answers[1]["text"]
    assert all(0 <= answer["score"] <= 1 for answer in answers)
    assert list(tmp_path.iterdir()) == []


def test_ask_does_not_touch_the_store(tmp_path: Path) -> None:
    make_store(tmp_path)
    store = tmp_path / "aglomeracja.db"
    before = hashlib.sha256(store.read_bytes()).hexdigest(), store.stat().st_mtime_ns
    [answer] = ask(tmp_path, {"text": "Kiedy jest następne spotkanie?"})
    assert answer["topic"] == "meeting_next"
    assert (hashlib.sha256(store.read_bytes()).hexdigest(), store.stat().st_mtime_ns) == before
    assert [path.name for path in tmp_path.iterdir()] == ["aglomeracja.db"]


def test_ask_keeps_the_follow_ups_of_a_session_together(tmp_path: Path) -> None:
    first, alone, again = ask(
        tmp_path,
        {"text": "Gdzie podpisano porozumienie klastra?", "session": "a"},
        {"text": "a kiedy?", "session": "b"},
        {"text": "a kiedy?", "session": "a"},
    )
    topics = [answer["topic"] for answer in (first, alone, again)]
    assert topics[0] == "agreement_where"
    assert topics[2] == "agreement_when" != topics[1]


BAD_LINES = (
    "kiedy spotkanie?",
    "{",
    "[]",
    "5",
    "null",
    '"text"',
    "{}",
    '{"text"}',
    "[" * 100_000,
)

ODD_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"text": ""},
    {"text": "\ud83d"},
    {"text": "\x00\u202e\u200b"},
    {"text": "🎉" * 50},
    {"text": "<b>klaster</b>"},
    {"text": "słowo " * 20_000},
    {"text": 5},
    {"id": "\ud83d", "text": "klaster"},
    {"id": {"a": [1]}, "text": "klaster", "session": {"a": [1]}},
    {"text": "klaster", "lang": "de"},
    {"text": "klaster", "lang": 5},
    {"text": "klaster", "lang": ["pl"]},
)


def test_ask_answers_bad_lines_and_odd_questions_and_goes_on(tmp_path: Path) -> None:
    lines = [*BAD_LINES, "", *map(json.dumps, ODD_QUESTIONS)]
    done = call(tmp_path, "ask", lines=lines)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    errors, answers = answers[: len(BAD_LINES)], answers[len(BAD_LINES) :]
    assert [list(error) for error in errors] == [["error"]] * len(BAD_LINES)
    assert [answer["id"] for answer in answers] == [question.get("id") for question in ODD_QUESTIONS]
    assert all(answer["text"] for answer in answers)


def test_ask_says_when_the_store_is_of_another_version(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'aglomeracja.db'}").engine.connect().close()
    done = call(tmp_path, "ask", lines=['{"text": "x"}'])
    assert (done.returncode, done.stdout) == (1, "")
    assert "start the bot once" in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_is_content_before_the_first_start_and_makes_nothing(tmp_path: Path) -> None:
    done = call(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    parts = [line.split()[1] for line in done.stdout.splitlines()]
    assert parts == ["database:", "migrations:", "clock:", "telegram:", "web"]
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_check_is_content_with_a_store(tmp_path: Path) -> None:
    make_store(tmp_path)
    done = call(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    assert "the newest" in done.stdout


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "aglomeracja.db").write_text("This is no database." * 1_000)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = call(tmp_path, "check", WEB_PORT=str(taken.getsockname()[1]))
    assert (done.returncode, done.stderr) == (1, "")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong ")]
    assert [line.split(":")[0].removeprefix("wrong").strip() for line in wrong] == [
        "database",
        "migrations",
        "web port",
    ]


def test_check_says_when_the_tables_are_old(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'aglomeracja.db'}").engine.connect().close()
    done = call(tmp_path, "check")
    assert done.returncode == 1
    assert "wrong  migrations" in done.stdout


def test_check_says_when_telegram_cannot_be_reached_and_keeps_the_token(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    token = "123456:AAF-tajny_zeton"
    done = call(tmp_path, "check", TELEGRAM_TOKEN=token, TELEGRAM_API_URL=f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "wrong  telegram" in done.stdout
    assert "tajny_zeton" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["run", "claim", "ask", "check"])
def test_a_wrong_variable_ends_every_command_with_one_sentence(tmp_path: Path, command: str) -> None:
    done = call(tmp_path, command, WEB_PORT="osiemdziesiąt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("WEB_PORT is wrong: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert call(tmp_path, "sing").returncode == 2


def test_every_variable_is_kept_from_the_tests() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert not names & (set(environment(ROOT)) - {"WEB_HOST", "WEB_PORT"})
