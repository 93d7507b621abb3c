"""The Telegram channel running against the fake, with what it received at hand."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import uvicorn
from markupsafe import Markup
from starlette.applications import Starlette

from bot.channel import Parcel
from bot.channels.telegram import TelegramChannel, TelegramSetup, Webhook
from bot.files import Files
from bot.store import Store
from handlers.dialogue.message import Incoming, Option, Outgoing
from storage.database import Database
from tests.fake_telegram.server import PATIENCE, FakeTelegram

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SECRET = "a-secret_of-the-webhook"
MENUS = {"pl": [("start", "Początek")], "en": [("start", "Beginning")]}


@dataclass
class Inbox:
    """Takes what the channel hands over; `handle` may be set to do something with it first."""

    fake: FakeTelegram
    begun: list[Incoming] = field(default_factory=list)
    handled: list[Incoming] = field(default_factory=list)
    handle: Callable[[Incoming], Awaitable[None]] | None = None

    async def receive(self, incoming: Incoming) -> None:
        """Note, handle, note again."""
        self.begun.append(incoming)
        self.fake.touch()
        if self.handle is not None:
            await self.handle(incoming)
        self.handled.append(incoming)
        self.fake.touch()

    def texts(self) -> list[str]:
        """Return the texts handled so far, in order."""
        return [incoming.text for incoming in self.handled]


def make_channel(
    url: str, token: str, webhook: Webhook | None = None, files: Files | None = None
) -> TelegramChannel:
    """Return a channel that calls the Bot API at `url`; without `files` its messages carry none."""
    files = files or Files(Store(Database("sqlite:///there-is-no-such.db")))
    return TelegramChannel(TelegramSetup(token, url, MENUS, files, webhook), lambda: NOW)


@asynccontextmanager
async def fake_telegram() -> AsyncIterator[FakeTelegram]:
    """Run a fake."""
    fake = FakeTelegram()
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


@asynccontextmanager
async def polling(
    fake: FakeTelegram, inbox: Inbox, files: Files | None = None
) -> AsyncIterator[TelegramChannel]:
    """Run a channel that polls the fake; returns to the caller once it polls."""
    channel = make_channel(fake.url, fake.token, files=files)
    await channel.start(inbox.receive)
    try:
        yield channel
    finally:
        async with asyncio.timeout(PATIENCE):  # a failed test may hold an update for ever
            await channel.stop()
        await channel.close()


@asynccontextmanager
async def by_webhook(fake: FakeTelegram, inbox: Inbox) -> AsyncIterator[TelegramChannel]:
    """Run a channel behind uvicorn on a free port; the fake posts to it."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/telegram/hook"
    channel = make_channel(fake.url, fake.token, Webhook(address, SECRET))
    config = uvicorn.Config(
        Starlette(routes=channel.routes()),
        log_config=None,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await channel.start(inbox.receive)
    await fake.until(lambda: bool(fake.called("setWebhook")))
    try:
        yield channel
    finally:
        async with asyncio.timeout(PATIENCE):  # a failed test may hold an update for ever
            await channel.stop()
        await channel.close()
        server.should_exit = True
        await serving
        listener.close()


@asynccontextmanager
async def sending(fake: FakeTelegram, files: Files | None = None) -> AsyncIterator[TelegramChannel]:
    """Run a channel that only sends."""
    async with polling(fake, Inbox(fake), files) as channel:
        await fake.until(lambda: bool(fake.called("getUpdates")))
        yield channel


def parcel(
    address: int, text: str = "Cześć", *options: tuple[str, str], replaces: str | None = None
) -> Parcel:
    """Return a parcel with a message of `text` (plain) and `options` (label, value)."""
    offered = tuple(Option(label, value) for label, value in options)
    return Parcel(1, str(address), Outgoing(Markup("%s") % text, offered, replaces))
