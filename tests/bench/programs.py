"""The programs that are measured, each a process of its own, and what the system says of them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.homeserver.synapse import Account, Homeserver

ROOT = Path(__file__).parents[2]
TOKEN = "123456:TEST-token"
BOT, PTB, AIOGRAM, NIO = "bot", "PTB echo", "aiogram echo", "nio echo"
PATIENCE = 30.0

UNPACED = {
    "TELEGRAM_PER_SECOND": "10000",
    "TELEGRAM_CHAT_SECONDS": "0.001",
    "TELEGRAM_GROUP_PER_MINUTE": "100000",
}
"""Settings of a bot that is to be as fast as it can: the echoes keep to no pace of Telegram's either."""

_ECHOES = {PTB: "tests.bench.echo_ptb", AIOGRAM: "tests.bench.echo_aiogram", NIO: "tests.bench.echo_nio"}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A running program."""

    pid: int

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used in all its threads."""
        # proc(5): the name, in brackets, may hold blanks; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Return the MB of memory that it holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise LookupError("the process has ended")


@dataclass(frozen=True)
class Fake:
    """The fake Telegram, running; tests/fake_telegram/control.py tells what may be asked of it."""

    url: str
    process: Process

    def feed(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Feed updates to the bot as `plan` says, see tests/fake_telegram/load.py; return the report."""
        self.post("/load", plan)
        report = self.get(f"/load?wait={PATIENCE}")
        if report["answered"] < plan["count"]:
            raise TimeoutError(f"{report['answered']} of {plan['count']} updates were answered")
        return report

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have something done and return the answer."""
        return _json(f"{self.url}{path}", json.dumps(body).encode())

    def get(self, path: str) -> dict[str, Any]:
        """Return a report."""
        return _json(f"{self.url}{path}")


@contextmanager
def fake_telegram(*flags: str) -> Iterator[Fake]:
    """Run the fake with these flags of its command line."""
    command = [sys.executable, "-m", "tests.fake_telegram", "--token", TOKEN, *flags]
    with _running(command, ROOT) as process:
        assert process.stdout is not None
        yield Fake(process.stdout.readline().strip(), Process(process.pid))


@contextmanager
def echo(name: str, fake: Fake, folder: Path, *, webhook: bool) -> Iterator[Process]:
    """Run one of the bare echoes."""
    port = [str(free_port())] if webhook else []
    with _running([sys.executable, "-m", _ECHOES[name], fake.url, TOKEN, *port], folder) as process:
        yield Process(process.pid)


@contextmanager
def bot(
    fake: Fake, folder: Path, settings: Mapping[str, str] | None = None, *, webhook: bool = False
) -> Iterator[tuple[Process, float]]:
    """Run the bot as its users do, in `folder`; give also the seconds until it was ready.

    Without a DATABASE_URL among the further `settings` the store is a file in the folder.
    """
    port = free_port()
    known = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": fake.url, **(settings or {})}
    if webhook:
        known["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    began = time.perf_counter()
    with _bot(folder, port, known) as process:
        yield process, time.perf_counter() - began


@contextmanager
def bot_on_matrix(server: Homeserver, account: Account, folder: Path, url: str) -> Iterator[Process]:
    """Run the bot, with a store by its URL, on a homeserver that lets it send as fast as it can."""
    settings = {
        "DATABASE_URL": url,
        "MATRIX_HOMESERVER": server.url,
        "MATRIX_USER": account.user_id,
        "MATRIX_PASSWORD": account.password,
        "MATRIX_PER_SECOND": "1000",
    }
    with _bot(folder, free_port(), settings) as process:
        yield process


@contextmanager
def echo_on_matrix(server: Homeserver, account: Account, folder: Path) -> Iterator[Process]:
    """Run the bare echo, with the files that it keeps, in a folder."""
    command = [sys.executable, "-m", _ECHOES[NIO], server.url, account.user_id, account.password]
    with _running(command, folder) as process:
        yield Process(process.pid)


@contextmanager
def program(name: str, fake: Fake, folder: Path, *, webhook: bool, store: Path) -> Iterator[Process]:
    """Run the bot, with a copy of `store`, or an echo."""
    if name != BOT:
        with echo(name, fake, folder, webhook=webhook) as process:
            yield process
        return
    shutil.copy(store, folder / "aglomeracja.db")
    with bot(fake, folder, UNPACED, webhook=webhook) as (process, _):
        yield process


@contextmanager
def _bot(folder: Path, port: int, settings: Mapping[str, str]) -> Iterator[Process]:
    """Run the bot in a folder until it is well, and on."""
    known = {"LOG_LEVEL": "WARNING", "WEB_HOST": "127.0.0.1", "WEB_PORT": str(port), **settings}
    with _running([sys.executable, "-m", "bot", "run"], folder, known) as process:
        _until_healthy(f"http://127.0.0.1:{port}/health")
        yield Process(process.pid)


@contextmanager
def _running(
    command: Sequence[str], folder: Path, settings: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process in a folder; end it, and wait until it has ended."""
    # None of the caller's own settings: they could name a real store or token.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), **(settings or {})}
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _until_healthy(url: str) -> None:
    """Wait until the bot says that it is well."""
    latest = time.perf_counter() + PATIENCE
    while time.perf_counter() < latest:
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the bot did not get ready")


def _json(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body) as answer:  # noqa: S310
        report: dict[str, Any] = json.load(answer)
        return report


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
