"""The program on a real homeserver, and people with clients of Element's own cryptography."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import Settings
from tests.bot.flows import Program, Time
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Account, Homeserver


@dataclass
class Town:
    """The program on a homeserver, and people with clients of Element's own cryptography."""

    server: Homeserver
    bot: Account
    program: Program
    time: Time
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def person(self, name: str, first: str, *expected: str) -> Member:
        """Return somebody who has opened a chat with the bot and heard the answer to the first message."""
        somebody = await self.stack.enter_async_context(member(self.server, name, Mode.SIGNED_ONLY))
        await somebody.opens(self.bot.user_id, first)
        await somebody.hears(*expected)
        return somebody


@pytest.fixture
async def town(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Town]:
    """Run the program on the homeserver."""
    async with open_town(homeserver, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_town(server: Homeserver, folder: Path, url: str = "") -> AsyncIterator[Town]:
    """Run the program on a homeserver, perhaps by another address, with its store and device in a folder."""
    bot, time = server.register("bot", with_device=False), Time()
    server.lift_limits(bot.user_id)
    settings = Settings(
        database_url=f"sqlite:///{folder / 'store.db'}",
        matrix_homeserver=url or server.url,
        matrix_user=bot.user_id,
        matrix_password=SecretStr(bot.password),
        matrix_folder=folder / "matrix",
        matrix_per_second=100.0,
        web_host="127.0.0.1",
        web_port=0,
    )
    town = Town(server, bot, Program(settings, time), time)
    await town.program.start()
    async with town.stack:
        yield town
    await town.program.stop()
