"""The first start: several processes may come upon an empty store at once, and it is filled once."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.bot.processes import PATIENCE, environment
from tests.stores import NewStore

AT_ONCE = 3

OPEN = """
from bot.app import open_database
from bot.config import read_settings
from storage import knowledge, migrate, organisations
input()
database = open_database(read_settings())
entries = database.read(lambda session: len(knowledge.list_entries(session)))
listed = database.read(lambda session: len(organisations.list_organisations(session)))
print(migrate.is_current(database), entries > 0, listed > 0)
"""


async def begin(folder: Path, url: str) -> Process:
    """Start a process that opens a store as soon as it is given a line."""
    known = environment(folder, DATABASE_URL=url)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OPEN), cwd=folder, env=known, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


@pytest.mark.stores("postgresql")
async def test_processes_that_open_an_empty_store_at_once_fill_it_once(
    new_store: NewStore, tmp_path: Path
) -> None:
    url = new_store(None)
    processes = [await begin(tmp_path, url) for _ in range(AT_ONCE)]
    async with asyncio.timeout(PATIENCE):
        said = await asyncio.gather(*(process.communicate(b"now\n") for process in processes))
    assert said == [(b"True True True\n", b"")] * AT_ONCE
