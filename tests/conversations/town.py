"""The whole program on some channels, or on all, and the people who write to it there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from storage import runs
from tests.bot.flows import Program, Time, free_port, running, web_settings
from tests.conversations.chat import Crowd, Matrix
from tests.conversations.page import PATIENCE, Web
from tests.conversations.person import Person
from tests.conversations.phone import Telegram
from tests.fake_telegram.harness import fake_telegram
from tests.stores import new_file
from tests.talk import fresh

CHANNELS = ("telegram", "matrix", "web")

WELCOME = "Dzień dobry! Tu bot Klastra „Aglomeracja”"


class Place(Protocol):
    """Where people of one channel come from."""

    async def person(self, name: str, language: str = "pl") -> Person:
        """Return somebody new there."""
        ...


class Town:
    """The program and its people; who is not said to come from elsewhere is on `channel`."""

    def __init__(self, program: Program, time: Time, places: dict[str, Place]) -> None:
        """Take what runs, the time in it, and where people come from; the first place is the usual one."""
        self.program = program
        self.time = time
        self.places = places
        self.channel = next(iter(places))

    async def comes(self, name: str, channel: str = "") -> Person:
        """Return somebody who has just been greeted."""
        somebody = await self.places[channel or self.channel].person(name)
        await somebody.says("/start", WELCOME)
        return somebody

    async def coordinator(self, channel: str = "") -> Person:
        """Return somebody who has become the coordinator."""
        ewa = await self.places[channel or self.channel].person("Ewa Kos")
        await ewa.says(f"/claim {await self.program.claim_code()}", "Witamy w roli koordynatora")
        return ewa

    async def moves_on(self, **step: float) -> None:
        """Let time pass and the program do what falls due by then."""
        self.time.move(**step)
        await self.program.running.clock.pump(self.time())

    async def sent(self) -> None:
        """Wait until no announcement that was begun is on its way any more."""
        async with asyncio.timeout(PATIENCE):
            while await self.program.running.store.read(runs.get_runs_under_way):
                pass


@asynccontextmanager
async def open_town(folder: Path, channels: Sequence[str], crowd: Crowd | None = None) -> AsyncIterator[Town]:
    """Run the program on some channels; `crowd` is needed where Matrix is among them."""
    time, known, places = Time(), dict[str, Any](), dict[str, Place]()
    async with AsyncExitStack() as stack:
        if "telegram" in channels:
            fake = await stack.enter_async_context(fake_telegram())
            places["telegram"] = Telegram(fake)
            known |= {"telegram_token": SecretStr(fake.token), "telegram_api_url": fake.url}
            known |= {"telegram_per_second": 1_000, "telegram_chat_seconds": 0.001}
        if "matrix" in channels:
            assert crowd is not None
            bot = crowd.server.register("bot", with_device=False)
            places["matrix"] = Matrix(crowd, bot)
            known |= {"matrix_homeserver": crowd.server.url, "matrix_user": bot.user_id}
            known |= {"matrix_password": SecretStr(bot.password), "matrix_folder": folder / "matrix"}
            known |= {"matrix_per_second": 100.0}
        known |= {"database_url": new_file(folder, fresh), "web_port": free_port()}
        settings = web_settings(folder).model_copy(update=known)
        program = await stack.enter_async_context(running(Program(settings, time)))
        if "web" in channels:
            places["web"] = Web(program, await stack.enter_async_context(AsyncExitStack()))
        yield Town(program, time, {channel: places[channel] for channel in channels})
