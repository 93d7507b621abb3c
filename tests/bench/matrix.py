"""Matrix: how long the event loop stands still while a device with many keys is at work; no network."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import vodozemac
from nio.crypto.sessions import InboundGroupSession

from bot.channels.matrix import sharing
from bot.channels.matrix.api import Homeserver
from bot.channels.matrix.errors import Json
from bot.channels.matrix.machine import MEGOLM, Machine
from bot.channels.matrix.reading import Reader
from bot.channels.matrix.session import Login
from bot.channels.matrix.vault import Vault
from bot.channels.matrix.writing import Writer
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind
from tests.bench.timing import Stall, watched_loop
from tests.bot.matrix_device import acquainted, room_key

STORED = 20_000
"""Keys of rooms that the device has already: some 200 members' of a year."""
DEVICES = 200
SYNCS = 20
PER_SYNC = 50
"""Messages in a sync, each with a new key of its own, which is the worst that can be."""

BOT, ROOM = "@bot:example.org", "!room"


def measure_matrix(_kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[str]:
    """Return the lines."""
    vault = Vault(folder / "bot.db", "secret")
    await vault.make(Login(BOT, "BOT", "token"))
    await vault.run(_fill)
    members = await vault.run(
        lambda machine: [acquainted(machine, folder, number) for number in range(DEVICES)]
    )
    answers = [_sync(members, number) for number in range(SYNCS)]
    server = Homeserver("http://127.0.0.1:9")
    reader = Reader(server, vault, Writer(server, vault), 60.0)
    lines = list[str]()
    async with watched_loop() as stall:
        began = time.perf_counter()
        read = 0
        for answer in answers:
            batch = await reader.read(answer, "since")
            await reader.settle(batch)
            read += len(batch.items)
        spent = time.perf_counter() - began
    assert read == SYNCS * PER_SYNC
    what = f"{read:,} messages with a new key each, {STORED:,} keys kept"
    lines += [Figure(read / spent, "1/s").line(f"{what}: read"), *_stalls(what, stall)]
    users = [member.user_id for member in members]
    async with watched_loop() as stall:
        began = time.perf_counter()
        devices = await vault.run(lambda machine: sharing.lacking(machine, ROOM, users))
        for some, _body in await vault.run(lambda machine: sharing.parcels(machine, ROOM, devices)):
            await vault.run(lambda machine: sharing.shared(machine, ROOM, some))  # noqa: B023 - awaited at once
        spent = time.perf_counter() - began
    what = f"a room's key for {DEVICES} devices"
    lines += [Figure(1_000 * spent, "ms").line(f"{what}: encrypted"), *_stalls(what, stall)]
    await vault.close()
    return lines


def _stalls(what: str, stall: Stall) -> Iterator[str]:
    yield Figure(stall.percentile(99), "ms", at_most(5)).line(f"{what}: stall, p99")
    yield Figure(stall.milliseconds, "ms").line(f"{what}: stall, worst of {len(stall.late)}")


def _fill(machine: Machine) -> None:
    """Let the device have many keys of rooms."""
    for number in range(STORED):
        key = vodozemac.GroupSession().session_key.to_base64()
        session = InboundGroupSession(key, "", "", f"!room{number % 500}")
        machine.keys.add_room_key(f"@member{number % 200}:example.org", session)


def _sync(members: Sequence[Machine], number: int) -> Json:
    """Return the answer of a sync in which messages come with their keys."""
    keys, events = list[Json](), list[Json]()
    for place in range(PER_SYNC):
        member, outbound = members[(number * PER_SYNC + place) % len(members)], vodozemac.GroupSession()
        keys.append(room_key(member, BOT, ROOM, outbound))
        text = f'{{"type": "m.room.message", "room_id": "{ROOM}", "content": {{"body": "Hej"}}}}'
        ciphertext = outbound.encrypt(text.encode()).to_base64()
        said = {"algorithm": MEGOLM, "session_id": outbound.session_id, "ciphertext": ciphertext}
        events.append(
            {
                "type": "m.room.encrypted",
                "event_id": f"${number}.{place}",
                "sender": member.user_id,
                "origin_server_ts": 1_000,
                "content": said,
            }
        )
    rooms = {"join": {ROOM: {"timeline": {"events": events}}}}
    return {"next_batch": str(number), "to_device": {"events": keys}, "rooms": rooms}
