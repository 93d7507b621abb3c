"""The Matrix client under a handler that remembers, for tests with a real homeserver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.channel import Again
from bot.channels.matrix.batch import Departure, Event, Invitation, Item, Unreadable
from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import MatrixError, classify
from bot.channels.matrix.session import Account, Generation
from bot.channels.matrix.syncing import Syncing, Tempo
from tests.homeserver.synapse import Account as Registered
from tests.homeserver.synapse import Homeserver

PATIENCE = 30
"""Seconds in which something that is waited for is to come."""

QUICK = Tempo(sync=10.0, answer=30.0, first_pause=0.1, longest_pause=1.0, unreadable_after=60.0)


@dataclass
class Twin:
    """Where the twin of a device's number lies; in the product that is the database."""

    number: int = 0

    async def keep(self, number: int) -> None:
        """Keep a number."""
        self.number = number

    def generation(self) -> Generation:
        """Return what a client is given."""
        return Generation(self.number, self.keep)


@dataclass
class Bot:
    """A client that joins every room it is invited to and remembers everything that is handed to it."""

    client: Client
    syncing: Syncing
    items: list[Item] = field(default_factory=list)
    failing: Callable[[Sequence[Item]], bool] = lambda _: False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Task[None] | None = None

    @property
    def user_id(self) -> str:
        """The bot's id."""
        return self.client.user_id

    async def handle(self, items: Sequence[Item]) -> None:
        """Take what happened; raises when `failing` says so."""
        if self.failing(items):
            raise RuntimeError("the handler fails")
        self.items += items
        self.news.set()
        for item in items:
            if isinstance(item, Invitation):
                await self.client.join(item.room_id)

    async def says(self, room_id: str, text: str, txn_id: str = "") -> str:
        """Say something and return the event's id."""
        content = {"msgtype": "m.text", "body": text}
        async with asyncio.timeout(PATIENCE):
            while True:  # as the sender does
                try:
                    return await self.client.send(room_id, "m.room.message", content, txn_id or text)
                except MatrixError as error:
                    if not isinstance(classify(error), Again):
                        raise
                    await asyncio.sleep(0.05)

    def texts(self) -> list[str]:
        """Return what was said to the bot, in order."""
        said = [item for item in self.items if isinstance(item, Event) and item.kind == "m.room.message"]
        return [str(item.content.get("body")) for item in said]

    def unreadable(self) -> list[str]:
        """Return the ids of the events that were reported as unreadable."""
        return [item.event_id for item in self.items if isinstance(item, Unreadable)]

    def left(self) -> list[str]:
        """Return the rooms in which the bot is no longer."""
        return [item.room_id for item in self.items if isinstance(item, Departure)]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once something holds that depends on what was handed over; raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.news.clear()
                if self.running is not None and self.running.done():
                    self.running.result()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 1)

    async def hears(self, *texts: str) -> None:
        """Wait until all of these were said."""
        await self.until(lambda: set(texts) <= set(self.texts()))


def account(server: Homeserver, known: Registered, **more: str | bool) -> Account:
    """Return how the bot logs in."""
    made = Account(server.url, known.user_id, known.password, store_key="a secret of the tests")
    return replace(made, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    known: Account, folder: Path, twin: Twin | None = None, tempo: Tempo = QUICK
) -> AsyncIterator[Bot]:
    """Give a bot that reads until the end of the block."""
    client = Client(known, folder, (twin or Twin()).generation())
    bot = Bot(client, Syncing(client, tempo))
    bot.running = asyncio.create_task(bot.syncing.run(bot.handle))
    try:
        ready = asyncio.create_task(bot.syncing.ready.wait())
        await asyncio.wait({ready, bot.running}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if bot.running.done():
            bot.running.result()
        yield bot
    finally:
        bot.syncing.stop()
        with suppress(Exception):
            await bot.running
        await client.close()


@asynccontextmanager
async def opened(known: Account, folder: Path, twin: Twin | None = None) -> AsyncIterator[Client]:
    """Give a client that is open and does not read."""
    client = Client(known, folder, (twin or Twin()).generation())
    try:
        await client.open()
        yield client
    finally:
        await client.close()
