"""What the device needs from time to time: keys for others, broken sessions repaired, old keys deleted."""

import logging
import time

from bot.channels.matrix import exchange
from bot.channels.matrix.api import Homeserver
from bot.channels.matrix.errors import Json
from bot.channels.matrix.machine import Machine
from bot.channels.matrix.opening import grow
from bot.channels.matrix.session import Generation
from bot.channels.matrix.sharing import Device
from bot.channels.matrix.vault import Vault
from bot.log import describe

HOUR = 3_600.0
MINUTE = 60.0

REPAIRS = 50
"""How many broken sessions are repaired at a time."""

log = logging.getLogger(__name__)


class Upkeep:
    """Keeps the device in `vault` in order; what fails is tried again the next time."""

    def __init__(self, server: Homeserver, vault: Vault, generation: Generation) -> None:
        self._server = server
        self._vault = vault
        self._generation = generation
        self._count_at = 0.0
        self._hourly_at = time.monotonic() + HOUR

    async def run(self, answer: Json) -> None:
        """Do what is due after a sync, given its answer; whatever fails, this does not raise."""
        for duty in (self._publish(answer), self._repair(), self._hourly()):
            try:
                await duty
            except Exception as error:  # noqa: BLE001 - the bot goes on reading and writing meanwhile
                log.warning("the keys of the bot's device could not be looked after: %s", describe(error))

    async def _publish(self, answer: Json) -> None:
        count = exchange.one_time_keys(answer.get("device_one_time_keys_count"))
        if count is None:
            # A homeserver may leave it out when none are left, or when nothing has changed.
            if time.monotonic() - self._count_at < MINUTE:
                return
            self._count_at = time.monotonic()
            count = await exchange.count_one_time_keys(self._server)
        await exchange.publish(self._server, self._vault, count)

    async def _repair(self) -> None:
        users, devices = await self._vault.run(_take_broken)
        if users:
            await exchange.query(self._server, self._vault, users)
        if devices:
            await exchange.claim(self._server, self._vault, devices)
        for body in await self._vault.run(_take_outgoing):
            await exchange.send_encrypted(self._server, body)

    async def _hourly(self) -> None:
        if time.monotonic() < self._hourly_at:
            return
        self._hourly_at = time.monotonic() + HOUR
        await self._vault.run(lambda machine: machine.keys.delete_unused_room_keys(time.time()))
        await grow(self._vault, self._generation, self._generation.last + 1)


def _take_broken(machine: Machine) -> tuple[list[str], list[Device]]:
    # Each is tried once; another message that cannot be read brings it up again.
    users, machine.users_for_key_query = list(machine.users_for_key_query)[:REPAIRS], set()
    devices = [(device.user_id, device.id) for device in machine.wedged_devices[:REPAIRS]]
    return users, devices


def _take_outgoing(machine: Machine) -> list[Json]:
    messages, machine.outgoing_to_device_messages = machine.outgoing_to_device_messages, []
    machine.wedged_devices.clear()
    return [message.as_dict() for message in messages]
