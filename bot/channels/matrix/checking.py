"""What `check` finds out about the bot on Matrix: login, device, cross-signing and rate limit, each by name.

It looks and mends nothing. It logs in as a device of its own and out again, and measures in a room which it
leaves; the bot's device and its folder stay as they are.
"""

import json
import shlex
from collections.abc import Awaitable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.channels.matrix import exchange, upload
from bot.channels.matrix.api import Homeserver, entries, lookup
from bot.channels.matrix.device_file import Known, NotADevice
from bot.channels.matrix.errors import Busy, Json, LoggedOut, MatrixError, SetupError
from bot.channels.matrix.identity import Identity, foreign
from bot.channels.matrix.limit import Measured, measure
from bot.channels.matrix.session import Account, Folder, Login, log_in
from bot.channels.matrix.vault import Vault
from bot.finding import Finding

GOOD_RATE = 20.0
"""So many messages a second are enough for a cluster, and no trouble for a homeserver."""

TOLERANCE = 1.1
"""How much faster than measured (a ratio) the setting may be: measuring is that exact."""

SLOW = 0.7
"""A setting below this part of what the homeserver takes is slower than it need be."""

_NOTHING = {"not_types": ["*"]}
KEYS_ONLY = json.dumps({"room": {"rooms": []}, "presence": _NOTHING, "account_data": _NOTHING})
"""The filter of a sync that tells of keys and of little else."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at: how the bot logs in, its folder, the last number of its device and its pace.

    `per_second` is how many messages a second the bot sends.
    """

    account: Account
    folder: Path
    generation: int
    per_second: float


async def check(case: Case) -> list[Finding]:
    """Return what is fine and what is not; raises nothing but what a cancelled task raises."""
    folder, server = Folder(case.folder), Homeserver(case.account.homeserver)
    vault = Vault(folder.device, case.account.store_key)
    try:
        with folder.hold() if case.folder.exists() else nullcontext():
            return await _look(case, server, vault)
    except SetupError as error:  # another process has the folder
        return [Finding("matrix", str(error), fine=False)]
    finally:
        await vault.close()
        await server.close()


def lifting_call(homeserver: str, user_id: str) -> str:
    """Return the command by which a Synapse's administrator lets an account send as fast as it likes.

    ADMIN_TOKEN in it stands for the administrator's access token (Synapse, Admin API, "Override ratelimiting
    for users").
    """
    url = f"{homeserver}/_synapse/admin/v1/users/{quote(user_id, safe='')}/override_ratelimit"
    body = json.dumps({"messages_per_second": 0, "burst_count": 0})
    return shlex.join(["curl", "-X", "POST", "-H", "Authorization: Bearer ADMIN_TOKEN", "-d", body, url])


async def _look(case: Case, server: Homeserver, vault: Vault) -> list[Finding]:
    try:
        login = await log_in(server, case.account)
    except Busy as error:
        text = f"The homeserver takes no more logins just now: check again in {error.after:.0f} s."
        return [Finding("matrix login", text, fine=False)]
    except MatrixError as error:
        text = f"{error} See MATRIX_HOMESERVER, MATRIX_USER and MATRIX_PASSWORD."
        return [Finding("matrix login", text, fine=False)]
    try:
        return await _Examination(case, server, vault, login).run()
    except MatrixError as error:
        text = f"It works, but then the homeserver did not answer as it should: {error}."
        return [Finding("matrix login", text, fine=False)]
    finally:
        await _log_out(server, case.account)


async def _log_out(server: Homeserver, account: Account) -> None:
    # The device of an access token is the bot's own and stays.
    if account.password:
        with suppress(MatrixError):
            await server.call("POST", "logout", body={})


async def _finding(name: str, look: Awaitable[str]) -> Finding:
    try:
        return Finding(name, await look)
    except MatrixError as error:
        return Finding(name, str(error), fine=False)


class _Examination:
    """A look at everything behind a login; each part returns what is fine or raises what is wrong."""

    def __init__(self, case: Case, server: Homeserver, vault: Vault, login: Login) -> None:
        self._case = case
        self._server = server
        self._vault = vault
        self._user_id = login.user_id
        self._known: Known | None = None

    async def run(self) -> list[Finding]:
        """Look at one part after the other."""
        own = await self._server.call("POST", "keys", "query", body={"device_keys": {self._user_id: []}})
        return [
            Finding("matrix login", f"{self._user_id} at {self._case.account.homeserver}"),
            await _finding("matrix device", self._device(own)),
            await _finding("matrix cross-signing", self._cross_signing(own)),
            await self._rate_limit(),
        ]

    async def _device(self, own: Json) -> str:
        try:
            known = await self._vault.open()
        except NotADevice:
            if self._case.folder.exists() and (self._case.folder / "device.db").exists():
                raise SetupError("Its file is damaged: start the bot, it makes a new device.") from None
            return "there is none yet, the first start makes it"
        if known.login.user_id != self._user_id:
            raise SetupError(f"It is one of {known.login.user_id}: start the bot, it makes a new one.")
        if known.generation < self._case.generation:
            raise SetupError("Its file is an old copy: start the bot, it makes a new device.")
        self._known, device_id = known, known.login.device_id
        theirs = lookup(own, "device_keys", self._user_id, device_id) or {}
        if not await self._vault.run(lambda machine: upload.are_published(machine, theirs)):
            raise SetupError(
                f"The homeserver does not know device {device_id} with the keys in {self._case.folder}:"
                " start the bot, it mends that."
            )
        return f"{device_id} with the keys that the homeserver hands out, {await self._spare_keys(known)}"

    async def _spare_keys(self, known: Known) -> str:
        # What is left for those who begin to write: asked as the device itself, nothing is taken by that.
        server = Homeserver(self._case.account.homeserver)
        server.token = known.login.access_token
        try:
            answer = await server.call("GET", "sync", query={"filter": KEYS_ONLY, "timeout": "0"})
        except LoggedOut:
            text = f"The homeserver has logged device {known.login.device_id} out: start the bot, it logs in."
            raise SetupError(text) from None
        finally:
            await server.close()
        count = exchange.one_time_keys(answer.get("device_one_time_keys_count")) or 0
        unused = "signed_curve25519" in entries(answer, "device_unused_fallback_key_types")
        if not unused and not await self._vault.run(lambda machine: machine.keys.fallback_at()):
            raise SetupError("The device has no fallback key there: start the bot, it publishes one.")
        return f"{count} one-time keys and a fallback key{'' if unused else ' that is in use'}"

    async def _cross_signing(self, own: Json) -> str:
        path = Folder(self._case.folder).identity
        if not path.exists():
            if lookup(own, "master_keys", self._user_id) is not None:
                raise SetupError(foreign(self._user_id, path))
            return "there is no identity yet, the first start makes it"
        device_id = self._known.login.device_id if self._known is not None else ""
        fault = Identity(path).fault(self._user_id, device_id, own)
        if fault is not None:
            raise SetupError(fault)
        return f"the identity is the bot's own{f', and has signed {device_id}' if device_id else ''}"

    async def _rate_limit(self) -> Finding:
        name = "matrix rate limit"
        call = lifting_call(self._case.account.homeserver, self._user_id)
        try:
            measured = await measure(self._server)
        except MatrixError as error:
            text = f"It could not be measured ({error}). An administrator of Synapse lifts it by\n{call}"
            return Finding(name, text, fine=False)
        if measured.rate is None:
            return Finding(name, _say_unlimited(measured, self._case.per_second))
        return _say_limited(name, measured, self._case.per_second, call)


def _say_unlimited(measured: Measured, per_second: float) -> str:
    said = f"none was met, {measured.taken} messages in {measured.seconds:.1f} s were taken"
    if per_second >= GOOD_RATE:
        return said
    return f"{said}; the bot may send faster: set MATRIX_PER_SECOND={GOOD_RATE:g}"


def _say_limited(name: str, measured: Measured, per_second: float, call: str) -> Finding:
    rate = measured.rate or 0.0
    said = f"{measured.taken} messages at once, then a wait of {measured.wait:.1f} s, so {rate:.2g} a second"
    lifting = (
        f"An administrator of Synapse lifts the limit by\n{call}\nthen set MATRIX_PER_SECOND={GOOD_RATE:g}."
    )
    if per_second > rate * TOLERANCE:
        text = f"MATRIX_PER_SECOND={per_second:g} is faster than the homeserver allows ({said}):"
        return Finding(name, f"{text} set MATRIX_PER_SECOND={rate:.2g}. {lifting}", fine=False)
    if per_second < rate * SLOW:
        return Finding(name, f"{said}; the bot may send faster: set MATRIX_PER_SECOND={rate:.2g}. {lifting}")
    return Finding(name, f"{said}, to which MATRIX_PER_SECOND={per_second:g} keeps. {lifting}")
