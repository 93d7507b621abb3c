"""A store of a bot, and what starts processes that send from it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest
import pytest_asyncio

from storage.database import Database
from tests.bot.machine import LIFE, Post, Process, Start, utc_now
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
