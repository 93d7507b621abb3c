"""The whole program for the tests: the real App on a store of its own, and the time in it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import select

from bot.app import App, utc_now
from bot.config import Settings
from storage.database import Session
from storage.deliveries import Delivery, State

ZONE = ZoneInfo("Europe/Warsaw")
ENDS_WITHIN = 20.0
"""Seconds in which the program must come to an end; far more than it takes."""


class Time:
    """The time in the program: noon of tomorrow at first, then as fast as any other, unless it is moved.

    Never behind the real time, or the program's timer, once set, would be due again and again.
    """

    def __init__(self) -> None:
        noon = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self._ahead = noon - utc_now()

    def __call__(self) -> datetime:
        """Return the aware UTC time."""
        return utc_now() + self._ahead

    def move(self, **step: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(**step)


class Program:
    """The real App on a store of its own, which can be ended and started anew."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.now = now
        self.app: App | None = None

    @property
    def running(self) -> App:
        """The App; it must have been started."""
        assert self.app is not None
        return self.app

    async def start(self) -> None:
        """Start on what the store holds."""
        self.app = App(self.settings, self.now)
        await self.app.start()

    async def stop(self) -> None:
        """End as Ctrl-C does."""
        app, self.app = self.app, None
        if app is not None:
            async with asyncio.timeout(ENDS_WITHIN):
                await app.stop()

    async def restart(self) -> None:
        """End and start again; whatever was in hand is done and recorded then."""
        await self.stop()
        await self.start()

    async def recorded(self) -> None:
        """Wait until what has become of every message is stored, as it is before anybody has read one.

        Nothing is waited for while the program does not run.
        """
        if self.app is not None:
            async with asyncio.timeout(ENDS_WITHIN):
                while await self.app.store.read(_are_in_hand):
                    pass

    async def claim_code(self) -> str:
        """Return the code which the start prints while there is no coordinator."""
        code = await self.running.claim_code()
        assert code is not None
        return code


def _are_in_hand(session: Session) -> bool:
    """Return whether a process has messages in hand."""
    states = (State.CLAIMED, State.SENDING)
    return session.scalar(select(Delivery.id).where(Delivery.state.in_(states)).limit(1)) is not None


AnyProgram = TypeVar("AnyProgram", bound=Program)


def web_settings(folder: Path) -> Settings:
    """Return settings with a store in a folder, the web chat on a free port and no Telegram."""
    return Settings(
        database_url=f"sqlite:///{folder / 'flows.db'}",
        telegram_token=SecretStr(""),
        public_url="",
        web_host="127.0.0.1",
        web_port=0,
        timezone=ZONE.key,
    )


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@asynccontextmanager
async def running(program: AnyProgram) -> AsyncIterator[AnyProgram]:
    """Run a program for as long as the context lasts."""
    try:
        await program.start()
        yield program
    finally:
        await program.stop()
