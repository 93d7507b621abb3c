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


@dataclass(frozen=True, slots=True)
class _Volley:
    """Some events sent at once: how many were taken, the wait that was named then, and until when that is.

    Without a refusal `wait` is None, and `until` (monotonic seconds) is when the last was taken.
    """

    taken: int
    wait: float | None
    until: float


async def measure(server: Homeserver) -> Measured:
    """Send a few events as fast as they go and return what became of them; raises a MatrixError.

    The room is left and forgotten, whatever happens.
    """
    room_id = await _make_room(server)
    try:
        return await _measure_in(server, room_id)
    finally:
        await _leave(server, room_id)


async def _make_room(server: Homeserver) -> str:
    try:
        answer = await server.call("POST", "createRoom", body=ROOM)
    except Busy as error:  # who checks a second time has just used up what may be sent at once
        if error.after > LONGEST_WAIT:
            raise
        await asyncio.sleep(error.after + MARGIN)
        answer = await server.call("POST", "createRoom", body=ROOM)
    room_id = answer.get("room_id")
    if not isinstance(room_id, str):
        raise Unreachable("a room was made without an id")
    return room_id


async def _measure_in(server: Homeserver, room_id: str) -> Measured:
    begun = time.monotonic()
    first = await _send(server, room_id)
    seconds = time.monotonic() - begun
    if first.wait is None:
        return Measured(first.taken, seconds)
    if first.wait > LONGEST_WAIT:
        return Measured(first.taken, seconds, first.wait, 1 / first.wait)
    # The bucket is full: what fits from now on is what leaks out of it.
    await asyncio.sleep(max(first.until - time.monotonic(), 0.0) + MARGIN)
    more = await _send(server, room_id)
    rate = more.taken / (more.until - first.until) if more.taken else 1 / first.wait
    return Measured(first.taken, seconds, first.wait, rate)


async def _send(server: Homeserver, room_id: str) -> _Volley:
    for number in range(EVENTS):
        asked = time.monotonic()  # the time is named for then, though Synapse answers half a second later
        try:
            await server.call("PUT", "rooms", room_id, "send", "m.room.message", uuid4().hex, body=EVENT)
        except Busy as error:
            return _Volley(number, error.after, asked + error.after)
    return _Volley(EVENTS, None, time.monotonic())


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
