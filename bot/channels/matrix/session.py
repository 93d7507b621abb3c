"""Who the bot is on Matrix, and the folder that holds its device: one process at a time.

    identity.json   the keys that say who the bot is; the only file worth a back-up
    device.db       the device: its login, its keys, how far it has read; never to be restored from a copy
    lock            held while the bot runs

A restored device would use keys a second time that others have seen already. So the file carries a number
that grows, and the caller keeps its twin elsewhere: a file with a lower number is a copy.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from bot.channels.matrix.api import Homeserver
from bot.channels.matrix.errors import Json, Refused, SetupError, Unreachable
from storage.lock import lock_file

DEVICE_NAME = "Aglomeracja"


@dataclass(frozen=True, slots=True)
class Account:
    """How to log in: with a password, or with the access token of a device that nothing else uses.

    `user` is a name or a whole id ("@bot:example.org"); it may be empty with an access token. `store_key` is
    the secret under which the device's keys lie on the disk. `reset_identity` allows to replace an identity
    that was made elsewhere; it takes the password.
    """

    homeserver: str
    user: str = ""
    password: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    store_key: str = field(default="", repr=False)
    reset_identity: bool = False

    def __post_init__(self) -> None:
        """Raise SetupError when something needed is missing."""
        if not self.access_token and not (self.user and self.password):
            raise SetupError("Matrix needs a user and a password, or an access token.")
        if not self.store_key:
            raise SetupError("Matrix needs a secret under which the keys of its device are kept.")


@dataclass(slots=True)
class Generation:
    """The twin of the device's number: what it is, and what keeps a new one outside the folder."""

    last: int
    keep: Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Login:
    """A device of the bot's account that is logged in."""

    user_id: str
    device_id: str
    access_token: str = field(repr=False)


class Folder:
    """The folder at `path`, made for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def device(self) -> Path:
        """The file of the device."""
        return self.path / "device.db"

    @property
    def identity(self) -> Path:
        """The file of the identity."""
        return self.path / "identity.json"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the folder to this process; raises SetupError when another one has it or it cannot be used."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            descriptor = lock_file(self.path / "lock")
        except BlockingIOError:
            raise SetupError(f"Another process uses {self.path}: stop it first.") from None
        except OSError as error:
            raise SetupError(f"{error.filename}: {error.strerror}.") from None
        try:
            yield
        finally:
            os.close(descriptor)


def write_private(path: Path, data: bytes) -> None:
    """Put a file in place in one step, readable by its owner alone and surely on the disk."""
    draft = path.with_name(f"{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


async def log_in(server: Homeserver, account: Account, device_id: str = "") -> Login:
    """Log in with the password, as the device `device_id` or a new one, or see whose the access token is.

    `server` acts as this device from then on. Raises SetupError when the homeserver does not let the bot in.
    """
    server.token = account.access_token
    try:
        if account.password:
            return await _with_password(server, account, device_id)
        answer = await server.call("GET", "account", "whoami")
    except Refused as error:
        if error.status not in _NOT_LET_IN:
            raise
        server.token = ""
        what = "password" if account.password else "access token"
        raise SetupError(f"The homeserver does not accept the bot's {what} ({error}).") from None
    return _login(answer, account.access_token)


_NOT_LET_IN = frozenset({400, 401, 403})


async def _with_password(server: Homeserver, account: Account, device_id: str) -> Login:
    server.token = ""
    body = {**_proof(account), "initial_device_display_name": DEVICE_NAME}
    if device_id:
        body["device_id"] = device_id
    answer = await server.call("POST", "login", body=body)
    login = _login(answer, str(answer.get("access_token")))
    server.token = login.access_token
    return login


async def call_confirmed(server: Homeserver, account: Account, *path: str, body: Json) -> Json:
    """POST what a homeserver may want the password for; raises SetupError when there is none."""
    try:
        return await server.call("POST", *path, body=body)
    except Refused as error:
        session = error.answer.get("session")
        if error.status != HTTPStatus.UNAUTHORIZED or session is None:
            raise
        if not account.password:
            raise SetupError("The homeserver wants the bot's password for this: set it.") from None
    return await server.call("POST", *path, body={**body, "auth": {**_proof(account), "session": session}})


def _proof(account: Account) -> Json:
    return {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": account.user},
        "password": account.password,
    }


def _login(answer: Json, token: str) -> Login:
    user_id, device_id = answer.get("user_id"), answer.get("device_id")
    if not isinstance(user_id, str) or not isinstance(device_id, str):
        raise Unreachable("a login was answered without a device")
    return Login(user_id, device_id, token)
