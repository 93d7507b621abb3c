"""The commands `run`, `claim` and `check`, each as a process of its own in an empty folder."""

import asyncio
import re
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from bot.config import Settings
from storage.claims import Purpose, try_code
from storage.database import Database
from tests.bot.processes import ROOT, call, end, environment, make_store, names_in, running

KEPT = ["aglomeracja.db", "aglomeracja.db-lock"]
"""What a run leaves."""


async def get(url: str) -> tuple[int, str]:
    """Return the status and text of a page."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_run_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, lines):
        addresses = [line for line in lines if re.fullmatch(r"http://127\.0\.0\.1:\d+", line)]
        assert len(addresses) == 1, lines
        assert any(re.fullmatch(r"/claim [2-9A-Z]{5}-[2-9A-Z]{5}", line) for line in lines), lines
        assert await get(f"{addresses[0]}/health") == (200, "ok")
        status, page = await get(addresses[0])
        assert status == 200
        assert "<html" in page
        assert await end(process, signal.SIGTERM) == (0, "")
    assert names_in(tmp_path) == KEPT


async def test_it_starts_again_after_it_was_killed_and_ends_while_a_page_is_open(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, _):
        process.kill()
        await process.wait()
    async with running(tmp_path) as (process, lines):
        address = next(line for line in lines if line.startswith("http"))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.get(address)
            async with session.get(f"{address}/events") as stream:
                assert stream.status == 200
                assert await end(process, signal.SIGINT) == (0, "")
    assert names_in(tmp_path) == KEPT


async def test_a_second_run_on_the_same_file_is_refused_and_other_commands_are_not(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, _):
        done = await asyncio.to_thread(call, tmp_path, "run")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("Another process works on aglomeracja.db: stop it first.")
        assert done.stderr.count("\n") == 1
        for command in ("claim", "ask", "check"):
            assert (await asyncio.to_thread(call, tmp_path, command)).returncode == 0, command
        assert await end(process, signal.SIGTERM) == (0, "")


def test_run_says_in_one_sentence_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = call(tmp_path, "run", WEB_PORT=port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert port in done.stderr


def test_the_last_line_of_claim_is_a_code_that_works_even_before_the_first_start(tmp_path: Path) -> None:
    done = call(tmp_path, "claim")
    assert (done.returncode, done.stderr) == (0, "")
    database = Database(f"sqlite:///{tmp_path / 'aglomeracja.db'}")
    code = done.stdout.splitlines()[-1]
    now = datetime.now(UTC)
    assert database.write(lambda session: try_code(session, Purpose.COORDINATE, code, "me", now))
    database.close()


def test_check_is_content_before_the_first_start_and_makes_nothing(tmp_path: Path) -> None:
    done = call(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    parts = [line.split()[1] for line in done.stdout.splitlines()]
    assert parts == ["database:", "migrations:", "clock:", "telegram:", "matrix:", "web"]
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    assert names_in(tmp_path) == []


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


def test_a_store_in_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'store.db'}"
    checked = call(tmp_path, "check", DATABASE_URL=url)
    assert checked.returncode == 1
    assert "wrong  database" in checked.stdout
    claimed = call(tmp_path, "claim", DATABASE_URL=url)
    assert (claimed.returncode, claimed.stdout) == (1, "")
    assert claimed.stderr.count("\n") == 1
    assert "DATABASE_URL" in claimed.stderr


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


@pytest.mark.parametrize("command", ["run", "claim", "ask", "check", "backup file", "restore file"])
def test_a_wrong_variable_ends_every_command_with_one_sentence(tmp_path: Path, command: str) -> None:
    done = call(tmp_path, *command.split(), WEB_PORT="osiemdziesiąt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("WEB_PORT is wrong: ")
    assert done.stderr.count("\n") == 1
    assert names_in(tmp_path) == []


def test_a_command_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert call(tmp_path, "sing").returncode == 2


def test_every_variable_is_kept_from_the_tests() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert not names & (set(environment(ROOT)) - {"WEB_HOST", "WEB_PORT"})
