"""What several tests of the machine use: a store and what sends from it, an account and a town on Matrix."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bot.channels.matrix.session import Account
from storage.database import Database
from tests.bot.machine import LIFE, Post, Process, Start, utc_now
from tests.bot.matrix_bot import account
from tests.conversations.matrix import MatrixTown, open_matrix_town
from tests.homeserver.synapse import Homeserver
from tests.stores import beside
from tests.talk import House


@pytest.fixture
def database(house: House) -> Database:
    """Return a store."""
    return house.database


@pytest_asyncio.fixture
async def start(database: Database) -> AsyncIterator[Start]:
    """Return what starts a sender over some channels, each time as a process of its own."""
    running = list[Process]()

    async def make(*channels: Post, now: Callable[[], datetime] = utc_now, life: float = LIFE) -> Process:
        process = Process(beside(database), *channels, now=now, life=life)
        running.append(process)
        await process.start()
        return process

    yield make
    for process in running:
        await process.stop()


@pytest.fixture
def known(homeserver: Homeserver) -> Account:
    """Give an account on Matrix for the bot, without a device."""
    return account(homeserver, homeserver.register("bot", with_device=False))


@pytest.fixture
async def place(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[MatrixTown]:
    """Run the whole program on the homeserver."""
    async with open_matrix_town(homeserver, tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give where the folder of the bot's device on Matrix is to be."""
    return tmp_path / "matrix"
