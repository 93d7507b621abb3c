"""What the bot's device and the homeserver tell each other about keys."""

import time
from collections.abc import Iterable, Sequence
from uuid import uuid4

from bot.channels.matrix import upload
from bot.channels.matrix.api import Homeserver
from bot.channels.matrix.errors import Json
from bot.channels.matrix.sharing import Device
from bot.channels.matrix.vault import Vault

OTHERS_MILLISECONDS = 5_000
"""How long the homeserver may wait for other homeservers."""


async def publish(server: Homeserver, vault: Vault, count: int) -> None:
    """Publish what is due of the device's keys, when the homeserver holds `count` one-time keys."""
    now = time.time()
    if await vault.run(lambda machine: upload.is_due(machine, count, now)):
        body = await vault.run(lambda machine: upload.make(machine, count, now))
        await server.call("POST", "keys", "upload", body=body)
        await vault.run(lambda machine: upload.published(machine, body, now))


async def count_one_time_keys(server: Homeserver) -> int:
    """Return how many one-time keys the homeserver holds."""
    answer = await server.call("POST", "keys", "upload", body={})
    return one_time_keys(answer.get("one_time_key_counts")) or 0


def one_time_keys(counts: object) -> int | None:
    """Return the number that a homeserver's counts give, None if they give none."""
    count = counts.get("signed_curve25519") if isinstance(counts, dict) else None
    return count if isinstance(count, int) else None


async def query(server: Homeserver, vault: Vault, users: Sequence[str]) -> None:
    """Learn which devices people have."""
    body = {"device_keys": {user: [] for user in users}, "timeout": OTHERS_MILLISECONDS}
    answer = await server.call("POST", "keys", "query", body=body)
    await vault.run(lambda machine: machine.take_devices(users, answer))


async def claim(server: Homeserver, vault: Vault, devices: Iterable[Device]) -> None:
    """Begin a session with each of these devices that has a key left for it."""
    wanted = Json()
    for user, device in devices:
        wanted.setdefault(user, {})[device] = "signed_curve25519"
    body = {"one_time_keys": wanted, "timeout": OTHERS_MILLISECONDS}
    answer = await server.call("POST", "keys", "claim", body=body)
    await vault.run(lambda machine: machine.take_claimed(answer))


async def send_encrypted(server: Homeserver, body: Json) -> None:
    """Send encrypted to-device events, as a body of sendToDevice."""
    await server.call("PUT", "sendToDevice", "m.room.encrypted", uuid4().hex, body=body)
