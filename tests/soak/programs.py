"""Programs that are killed, stopped and started again while they work."""

import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen

from tests.bench.programs import TOKEN, Fake, free_port
from tests.bot.processes import PATIENCE, environment

LOOK_SECONDS = 0.004
"""How often a condition is looked at."""

PER_SECOND = 100
"""How fast the bot sends: the fastest at which no more than ten calls are under way (bot/sender.py)."""


class Program:
    """A program with its settings; everything that its processes print is kept in `log`."""

    def __init__(self, folder: Path, settings: dict[str, str], *command: str) -> None:
        """Take the folder it runs in and what follows "python -m"."""
        self.port = free_port()
        self.log = folder / f"{self.port}.log"
        self._command = [sys.executable, "-m", *command]
        self._folder = folder
        self._settings = {"WEB_PORT": str(self.port)} | settings
        self._process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its web server, if it has one."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start a process; there must be none."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = Popen(  # noqa: S603 - our own program
                self._command,
                cwd=self._folder,
                env=environment(self._folder, **self._settings),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
            )

    def kill(self) -> None:
        """End the process without a warning, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Let the process do nothing until `wake`; return once it does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def wake(self) -> None:
        """Let the process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Let the process finish what is in hand and end."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(PATIENCE)
        self._process = None
        assert status == 0, self._said()

    def check(self) -> None:
        """Raise RuntimeError when the process has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"a program ended with {self._process.returncode}: {self._said()}")

    def is_healthy(self) -> bool:
        """Return whether its web server says so."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=PATIENCE) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except OSError:
            return False

    def _said(self) -> str:
        """Return the end of what it has printed."""
        return self.log.read_text(errors="replace")[-2_000:]


@contextmanager
def alive(*programs: Program) -> Iterator[None]:
    """See that no process of these programs is left at the end."""
    with ExitStack() as stack:
        for program in programs:
            stack.callback(program.kill)
        yield


def until(condition: Callable[[], bool], *programs: Program) -> None:
    """Wait until a condition holds.

    Raises RuntimeError when one of the programs ends meanwhile, and TimeoutError when it takes too long.
    """
    latest = time.monotonic() + PATIENCE
    while not condition():
        for program in programs:
            program.check()
        if time.monotonic() > latest:
            raise TimeoutError("what should happen does not")
        time.sleep(LOOK_SECONDS)


def bot(
    folder: Path, database_url: str, lease_seconds: float, fake: Fake | None = None, **more: str
) -> Program:
    """Return the bot with a store; without a fake Telegram it has the web chat only. `more` are settings."""
    settings = common(database_url, lease_seconds)
    if fake is not None:
        settings |= {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": fake.url}
    settings |= more
    return Program(folder, settings, "bot", "run")


def common(database_url: str, lease_seconds: float) -> dict[str, str]:
    """Return the settings that every program has."""
    return {
        "DATABASE_URL": database_url,
        "LEASE_SECONDS": str(lease_seconds),
        "LOG_LEVEL": "WARNING",
        "TELEGRAM_PER_SECOND": str(PER_SECOND),
        "TELEGRAM_CHAT_SECONDS": "0.01",
    }
