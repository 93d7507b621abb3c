"""How fast a homeserver lets the bot send, measured in a room of its own that is left again.

Synapse keeps a leaky bucket for each account (`synapse.api.ratelimiting`): into one that is not full an event
fits at once, and of a full one it says how long until the next event fits.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from uuid import uuid4

from bot.channels.matrix.api import Homeserver
from bot.channels.matrix.errors import Busy, Json, MatrixError, Unreachable

EVENTS = 12
"""How many events are sent at most: a stock Synapse takes ten at once."""

LONGEST_WAIT = 15.0
"""A homeserver that names a longer time (seconds) is believed without waiting for it."""

MARGIN = 0.02
"""How long (seconds) after the named time the next event is sent."""

LEAVING_ATTEMPTS = 4

ROOM: Json = {
    "preset": "private_chat",
    "name": "aglomeracja check",
    "creation_content": {"m.federate": False},
}

EVENT: Json = {"msgtype": "m.notice", "body": "aglomeracja check"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """`taken` events were taken in `seconds`; then, unless `rate` is None, the homeserver asked to wait.

    `wait` is the time it named (seconds), `rate` how many events a second it takes in the long run.
    """

    taken: int
    seconds: float
    wait: float = 0.0
    rate: float | None = None


async def measure(server: Homeserver) -> Measured:
    """Send a few events as fast as they go and return what became of them; raises a MatrixError.

    The room is left and forgotten, whatever happens.
    """
    room_id = (await server.call("POST", "createRoom", body=ROOM)).get("room_id")
    if not isinstance(room_id, str):
        raise Unreachable("a room was made without an id")
    try:
        return await _measure_in(server, room_id)
    finally:
        await _leave(server, room_id)


async def _measure_in(server: Homeserver, room_id: str) -> Measured:
    begun = time.monotonic()
    taken, refused = await _send(server, room_id)
    seconds = time.monotonic() - begun
    if refused is None:
        return Measured(taken, seconds)
    if refused > LONGEST_WAIT:
        return Measured(taken, seconds, refused, 1 / refused)
    # Now the bucket is full but for what leaks out of it, and so its leak shows.
    await asyncio.sleep(refused + MARGIN)
    begun = time.monotonic()
    more, again = await _send(server, room_id)
    rate = more / (time.monotonic() - begun + (again or 0.0)) if more else 1 / refused
    return Measured(taken, seconds, refused, rate)


async def _send(server: Homeserver, room_id: str) -> tuple[int, float | None]:
    # How many events were taken, and for how long from now on no more are; None when more would be.
    for number in range(EVENTS):
        asked = time.monotonic()
        try:
            await server.call("PUT", "rooms", room_id, "send", "m.room.message", uuid4().hex, body=EVENT)
        except Busy as error:
            # Synapse names the time and then answers only half a second later.
            return number, max(error.after - (time.monotonic() - asked), 0.0)
    return EVENTS, None


async def _leave(server: Homeserver, room_id: str) -> None:
    # Leaving is an event too, so it has to wait where the limit was met.
    for step in ("leave", "forget"):
        for attempt in range(1, LEAVING_ATTEMPTS + 1):
            try:
                await server.call("POST", "rooms", room_id, step, body={})
                break
            except Busy as error:
                if attempt == LEAVING_ATTEMPTS or error.after > LONGEST_WAIT:
                    log.warning("the room of the check could not be left: the homeserver takes nothing more")
                    return
                await asyncio.sleep(error.after)
            except MatrixError as error:
                log.warning("the room of the check could not be left: %s", error)
                return
