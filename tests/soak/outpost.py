"""A sender on a platform that knows a message by its id: `python -m tests.soak.outpost http://server`.

It has the program's own store, leases, clock, outbox and settings; only the channel is made up.
"""

import asyncio
import signal
import sys

import aiohttp

import handlers
from bot import clock
from bot.app import telegram_pace, utc_now
from bot.channel import Parcel, Receive, Unknown
from bot.clock import Clock
from bot.config import Settings, read_settings
from bot.pacer import Pace
from handlers.dialogue.context import Site
from handlers.dialogue.markup import plain
from storage import announcements
from storage.database import Database
from tests.bot.machine import Process


class Rooms:
    """Sends to the rooms of a homeserver, see homeserver.py."""

    name = "matrix"
    exclusive = True
    repeatable = True

    def __init__(self, url: str, pace: Pace) -> None:
        """Take the address of the server and how fast it may be sent to."""
        self.pace: Pace | None = pace
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Get ready to send."""
        self._session = aiohttp.ClientSession(self._url)

    async def start(self, receive: Receive) -> None:
        """Take no messages."""

    async def stop(self) -> None:
        """Take no messages."""

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()

    async def send(self, parcel: Parcel) -> str | None:
        """Send a message under its own id."""
        assert self._session is not None
        body = {"room": parcel.address, "text": plain(parcel.message.text)}
        try:
            async with self._session.put(f"/{parcel.id}", json=body) as response:
                return str((await response.json(content_type=None))["event_id"])
        except aiohttp.ClientError as error:
            raise Unknown(type(error).__name__) from error


async def serve(settings: Settings, url: str) -> None:
    """Send what is due until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    channel = Rooms(url, telegram_pace(settings))
    database, life = Database(settings.database_url), settings.lease_seconds
    process = Process(database, channel, names=[clock.NAME], life=life)
    ticking = Clock(process.store, process.signals, process.leases, Site(settings.zone), utc_now)
    await channel.open()
    await process.start()
    ticking.start(handlers.DUTIES, announcements.get_next_due_at, ())
    await ended.wait()
    await ticking.stop()
    await process.stop()
    await channel.close()
    process.store.close()


if __name__ == "__main__":
    asyncio.run(serve(read_settings(), sys.argv[1]))
