"""A Synapse homeserver of one's own on loopback, in a temporary directory, for tests and measurements.

with synapse_server() as server:
    bot = server.register("bot")

It keeps its facts in SQLite and knows no other homeserver. Several may run at once. It lives for as long as
the process that started it holds a pipe open: however that process ends, it stops and its directory goes.
"""

import hashlib
import hmac
import json
import os
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any
from urllib.parse import quote

from tests.homeserver.settings import STORE, Limits, write_settings

Json = dict[str, Any]

PYTHON = Path(__file__).parents[2] / ".venv" / "homeserver" / "bin" / "python"
"""The interpreter that has Synapse; `make test` puts it there, SYNAPSE_PYTHON names another."""

PATIENCE = 60
"""Seconds in which the server has to start and to answer."""

# "$@" is the command. Synapse gets SIGTERM when a line comes, or the end of the pipe and so of the caller.
SCRIPT = """
exec 3<&0
"$@" 3<&- </dev/null >>log 2>&1 &
server=$!
{ read -r stop <&3 || touch orphan; kill $server; } 2>/dev/null &
trap '' HUP INT TERM
wait $server
status=$?
kill $! 2>/dev/null
[ ! -e orphan ] || rm -rf "$PWD"
exit $status
"""


@dataclass(frozen=True)
class Account:
    """Somebody who is registered; the token is that of the device, both are empty where none was made."""

    user_id: str
    password: str
    access_token: str = ""
    device_id: str = ""


class Refused(Exception):
    """The server said no: its HTTP status and what it answered."""

    def __init__(self, status: int, answer: Json) -> None:
        """Take both."""
        super().__init__(f"{status} {answer}")
        self.status, self.answer = status, answer


class Homeserver:
    """A running server, and what its administrator can do; raises Refused where it says no."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Take a directory, in which nothing is yet, and how much the server lets a user do."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.folder = folder
        self._secret = write_settings(folder, self._port, limits)
        self._numbers = count(1)
        self._process: Popen[bytes] | None = None
        self._admin = Account("", "")

    def start(self) -> None:
        """Start and return once requests are answered; raises RuntimeError when that fails."""
        command = (_python(), "-m", "synapse.app.homeserver", "-c", "homeserver.yaml")
        self._process = Popen(  # noqa: S603 - our own script
            ["/bin/sh", "-c", SCRIPT, "sh", *command],
            cwd=self.folder,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Synapse does not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop as for an update; what is stored and the port stay, so that `start` goes on with them."""
        if self._process is not None:
            self._process.communicate(b"stop\n")
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port with the same facts."""
        self.stop()
        self.start()

    def log(self) -> str:
        """Return what the server has logged: its warnings and errors."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def register(self, name: str, *, with_device: bool = True, admin: bool = False) -> Account:
        """Register somebody, under a name with a number so that every test can have an Alice of its own."""
        user, password = f"{name.lower().replace(' ', '.')}-{next(self._numbers)}", f"{name} has a password"
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        said = "\0".join((nonce, user, password, "admin" if admin else "notadmin")).encode()
        answer = self.call(
            "POST",
            "/_synapse/admin/v1/register",
            {
                "nonce": nonce,
                "username": user,
                "displayname": name,
                "password": password,
                "admin": admin,
                "mac": hmac.new(self._secret.encode(), said, hashlib.sha1).hexdigest(),
                "inhibit_login": not with_device,
            },
        )
        return Account(
            answer["user_id"], password, answer.get("access_token", ""), answer.get("device_id", "")
        )

    def log_in(self, account: Account) -> Account:
        """Return the account with another device of it."""
        known = {"type": "m.id.user", "user": account.user_id}
        body = {"type": "m.login.password", "identifier": known, "password": account.password}
        answer = self.call("POST", "/_matrix/client/v3/login", body)
        return Account(account.user_id, account.password, answer["access_token"], answer["device_id"])

    def lift_limits(self, user_id: str) -> None:
        """Let somebody send as much as they like."""
        self.set_limits(user_id, 0, 0)

    def set_limits(self, user_id: str, per_second: float, burst: int) -> None:
        """Let somebody send at so many events a second after so many at once."""
        body = {"messages_per_second": per_second, "burst_count": burst}
        self.administer("POST", f"v1/users/{quote(user_id)}/override_ratelimit", body)

    def deactivate(self, user_id: str) -> None:
        """Close an account for good."""
        self.administer("POST", f"v1/deactivate/{quote(user_id)}", {"erase": False})

    def devices(self, user_id: str) -> list[str]:
        """Return the ids of somebody's devices."""
        answer = self.administer("GET", f"v2/users/{quote(user_id)}/devices")
        return [device["device_id"] for device in answer["devices"]]

    def delete_devices(self, user_id: str, device_ids: list[str]) -> None:
        """Delete devices of somebody, which logs them out."""
        self.administer("POST", f"v2/users/{quote(user_id)}/delete_devices", {"devices": device_ids})

    def log_out(self, user_id: str) -> None:
        """Log somebody out everywhere."""
        self.delete_devices(user_id, self.devices(user_id))

    def expire_tokens(self, user_id: str) -> None:
        """Let the tokens of somebody's devices expire now, which keeps the devices: a soft logout."""
        with closing(sqlite3.connect(self.folder / STORE, timeout=PATIENCE)) as store, store:
            store.execute("UPDATE access_tokens SET valid_until_ms = 1 WHERE user_id = ?", (user_id,))

    def list_encrypted(self, user_id: str) -> list[tuple[str, float]]:
        """Return the rooms and times (seconds) of all encrypted events that somebody has sent, in order."""
        query = (
            "SELECT room_id, received_ts / 1000.0 FROM events"
            " WHERE type = 'm.room.encrypted' AND sender = ? ORDER BY stream_ordering"
        )
        with closing(sqlite3.connect(self.folder / STORE, timeout=PATIENCE)) as store:
            return store.execute(query, (user_id,)).fetchall()

    def count_joined(self, user_id: str) -> int:
        """Return how many rooms somebody is in."""
        rooms = self.administer("GET", f"v1/users/{quote(user_id)}/joined_rooms")["joined_rooms"]
        return len(rooms)

    def administer(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the answer to a request below /_synapse/admin/, made by an administrator."""
        if not self._admin.access_token:
            self._admin = self.register("admin", admin=True)
        return self.call(method, f"/_synapse/admin/{path}", body, self._admin.access_token)

    def call(self, method: str, path: str, body: Json | None = None, token: str = "") -> Json:
        """Return the answer to any request; `token` says in whose name it is made."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer: Json = json.loads(response.read())
        if response.status != 200:
            raise Refused(response.status, answer)
        return answer

    def _answers(self) -> bool:
        """Return whether requests are answered."""
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)) as connection:
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except OSError:
                return False


@contextmanager
def synapse_server(limits: Limits = Limits.RELAXED) -> Iterator[Homeserver]:
    """Start a server and stop it at the end.

    Raises FileNotFoundError when Synapse is not installed, RuntimeError when it does not start.
    """
    if missing() is not None:
        raise FileNotFoundError(missing())
    with tempfile.TemporaryDirectory(prefix="synapse-", ignore_cleanup_errors=True) as folder:
        server = Homeserver(Path(folder), limits)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def missing() -> str | None:
    """Return what has to be installed, None when everything is there."""
    return None if _python().exists() else "Synapse is not installed (`make test` does it)"


def _python() -> Path:
    return Path(os.environ.get("SYNAPSE_PYTHON", PYTHON))
