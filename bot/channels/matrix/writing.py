"""Sending events into rooms, encrypted where the room is, and readable by those who are in it."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from bot.channels.matrix import exchange, sharing
from bot.channels.matrix.api import Homeserver, present
from bot.channels.matrix.errors import Json, Refused, Unreachable
from bot.channels.matrix.machine import Machine
from bot.channels.matrix.sharing import Device
from bot.channels.matrix.vault import Vault

REACTION = "m.reaction"
"""Clients do not look for reactions in encrypted events."""

UNREACHABLE_SECONDS = 300.0
"""How long after a device had no key left to begin a session with it is asked for one again."""

_ROOMS_REMEMBERED = 10_000


@dataclass(slots=True)
class _Room:
    encrypted: bool = False
    members: dict[str, str] | None = None
    changes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Writer:
    """Sends with the device in `vault`; `sync` tells it what changes in rooms.

    That a room is encrypted is kept for good. That it is not is asked anew each time: encryption may just
    have been switched on, and the room must not get another plain message.
    """

    def __init__(self, server: Homeserver, vault: Vault) -> None:
        self._server = server
        self._vault = vault
        self._rooms: dict[str, _Room] = {}
        self._unreachable: dict[Device, float] = {}

    async def send(self, room_id: str, kind: str, content: Json, txn_id: str) -> str:
        """Send an event and return its id; the same `txn_id` again gives the id of the event sent first."""
        if kind != REACTION and await self.is_encrypted(room_id):
            room = self._room(room_id)
            async with room.lock:
                content = await self._encrypt(room_id, kind, content)
            kind = "m.room.encrypted"
        answer = await self._server.call("PUT", "rooms", room_id, "send", kind, txn_id, body=content)
        event_id = answer.get("event_id")
        if not isinstance(event_id, str):
            raise Unreachable("an event was taken without an id")
        return event_id

    async def is_encrypted(self, room_id: str) -> bool:
        """Return whether a room is encrypted."""
        room = self._room(room_id)
        room.encrypted = room.encrypted or await self._vault.run(
            lambda machine: machine.file.is_encrypted(room_id)
        )
        if room.encrypted:
            return True
        try:
            await self._server.call("GET", "rooms", room_id, "state", "m.room.encryption")
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        await self._vault.run(lambda machine: machine.file.add_encrypted_room(room_id))
        return True

    async def members(self, room_id: str) -> dict[str, str]:
        """Ask who is in a room, the bot too: "join" or "invite" by user id; and keep it for sending."""
        room = self._room(room_id)
        changes = room.changes
        members = present(await self._server.call("GET", "rooms", room_id, "members"))
        if changes == room.changes:  # else it may be what was before
            room.members = members
        return members

    def members_changed(self, room_id: str) -> None:
        """Note that somebody may have joined or left a room."""
        if room_id in self._rooms:
            room = self._rooms[room_id]
            room.members, room.changes = None, room.changes + 1

    def _room(self, room_id: str) -> _Room:
        if room_id not in self._rooms and len(self._rooms) >= _ROOMS_REMEMBERED:
            self._rooms = {known: room for known, room in self._rooms.items() if room.lock.locked()}
        return self._rooms.setdefault(room_id, _Room())

    async def _encrypt(self, room_id: str, kind: str, content: Json) -> Json:
        # Who is invited may read, once they join, what was written before; so they get the keys as well.
        known = self._room(room_id).members
        members = sorted(await self.members(room_id) if known is None else known)

        def at_once(machine: Machine) -> Json | None:
            if machine.untracked(members) or self._lacking(machine, room_id, members):
                return None
            return sharing.encrypt(machine, room_id, kind, content)

        encrypted = await self._vault.run(at_once)
        if encrypted is None:
            await self._share(room_id, members)
            encrypted = await self._vault.run(
                lambda machine: sharing.encrypt(machine, room_id, kind, content)
            )
        return encrypted

    async def _share(self, room_id: str, members: list[str]) -> None:
        # Give the room's key to every device that lacks it.
        server, vault = self._server, self._vault
        if unknown := await vault.run(lambda machine: machine.untracked(members)):
            await exchange.query(server, vault, unknown)
        devices = await vault.run(lambda machine: self._lacking(machine, room_id, members))
        if strange := await vault.run(lambda machine: sharing.without_session(machine, devices)):
            await exchange.claim(server, vault, strange)
            self._note(await vault.run(lambda machine: sharing.without_session(machine, strange)))
        for some, body in await vault.run(lambda machine: sharing.parcels(machine, room_id, devices)):
            await exchange.send_encrypted(server, body)
            await vault.run(partial(sharing.shared, room_id=room_id, devices=some))

    def _lacking(self, machine: Machine, room_id: str, members: list[str]) -> list[Device]:
        now = time.monotonic()
        return [
            device
            for device in sharing.lacking(machine, room_id, members)
            if self._unreachable.get(device, 0) <= now
        ]

    def _note(self, devices: list[Device]) -> None:
        # Nothing more can be done about these for a while.
        now = time.monotonic()
        self._unreachable = {device: until for device, until in self._unreachable.items() if until > now}
        self._unreachable.update(dict.fromkeys(devices, now + UNREACHABLE_SECONDS))
