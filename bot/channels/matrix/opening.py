"""Becoming a device of the bot's account: the one in the folder, or a new one that takes its place.

A new device is made when there is none, when its file is damaged or an old copy, when the homeserver has
logged it out for good, and when the homeserver knows it with other keys than those in the file.
"""

import logging

from bot.channels.matrix import exchange, upload
from bot.channels.matrix.api import Homeserver, lookup
from bot.channels.matrix.device_file import Known, NotADevice
from bot.channels.matrix.errors import Json, LoggedOut, MatrixError, SetupError
from bot.channels.matrix.identity import Identity
from bot.channels.matrix.machine import Machine
from bot.channels.matrix.session import Account, Generation, Login, call_confirmed, log_in
from bot.channels.matrix.vault import Vault

log = logging.getLogger(__name__)


async def open_device(
    server: Homeserver, vault: Vault, account: Account, identity: Identity, generation: Generation
) -> str:
    """Open the bot's device, its keys published and signed, and return the token up to which it has read.

    Raises SetupError with what to do, or another MatrixError when trying again may help.
    """
    known, fresh = await _device(server, vault, account, generation)
    if await vault.run(lambda machine: not machine.account.shared):
        await exchange.publish(server, vault, 0)
    own, device = await _own(server, vault.login), await vault.run(upload.device_keys)
    await identity.ensure(server, account, device, own)
    if fresh:
        await _delete(server, account, identity.devices(device, own))
    await grow(vault, generation, max(known.generation, generation.last) + 1)
    return known.sync_token


async def grow(vault: Vault, generation: Generation, number: int) -> None:
    """Give the device's file a new number and then its twin elsewhere, which must never be the higher one."""
    await vault.run(lambda machine: machine.file.set_generation(number))
    await generation.keep(number)
    generation.last = number


async def _device(
    server: Homeserver, vault: Vault, account: Account, generation: Generation
) -> tuple[Known, bool]:
    # What the file of the device says that is now open, and whether it is new.
    try:
        known = await vault.open()
    except NotADevice:
        known = Known(Login("", "", ""), 0, "")
    else:
        if known.generation < generation.last:
            log.warning("the file of the bot's device is an old copy: a new device takes its place")
        elif await _resume(server, vault, account, known.login) and await _is_known(server, vault):
            return known, False
    login = await log_in(server, account)
    if not account.password and await _published(server, login) is not None:
        raise SetupError(
            "The keys of the device that the access token belongs to are lost."
            " Log in once more and set the new access token, or set the password."
        )
    await vault.make(login)
    await vault.run(lambda machine: machine.file.set_sync_token(known.sync_token))
    log.warning("the bot has a new device: %s", login.device_id)
    return known, True


async def _resume(server: Homeserver, vault: Vault, account: Account, login: Login) -> bool:
    # Whether the device of the file is logged in again.
    if not _belongs(login.user_id, account.user):
        return False
    try:
        again = await _log_in_again(server, account, login)
    except LoggedOut:
        log.warning("the bot's device was logged out")
        return False
    if (again.user_id, again.device_id) != (login.user_id, login.device_id):
        return False
    await vault.renew(again)
    return True


async def _log_in_again(server: Homeserver, account: Account, login: Login) -> Login:
    if not account.password:
        return await log_in(server, account)
    server.token = login.access_token
    try:
        await server.call("GET", "account", "whoami")
    except LoggedOut as error:
        if not error.soft:
            raise
        return await log_in(server, account, login.device_id)
    return login


def _belongs(user_id: str, user: str) -> bool:
    return user in {"", user_id, user_id.partition(":")[0].removeprefix("@")}


async def _is_known(server: Homeserver, vault: Vault) -> bool:
    # Whether the homeserver knows the device with the keys of the file, or without any yet.
    theirs = await _published(server, vault.login)
    if theirs is None:
        await vault.run(_never_shared)
        return True
    ours = await vault.run(upload.device_keys)
    if theirs.get("keys") != ours["keys"]:
        log.warning("the homeserver knows the bot's device with other keys")
        return False
    return True


def _never_shared(machine: Machine) -> None:
    machine.account.shared = False


async def _published(server: Homeserver, login: Login) -> Json | None:
    return lookup(await _own(server, login), "device_keys", login.user_id, login.device_id)


async def _own(server: Homeserver, login: Login) -> Json:
    return await server.call("POST", "keys", "query", body={"device_keys": {login.user_id: []}})


async def _delete(server: Homeserver, account: Account, devices: list[str]) -> None:
    # Otherwise people would go on encrypting to devices that nobody has any more.
    if not devices or not account.password:
        return
    try:
        await call_confirmed(server, account, "delete_devices", body={"devices": devices})
    except MatrixError as error:
        log.warning("former devices of the bot could not be deleted: %s", error)
