"""The same town on each channel, and people on Matrix whose clients outlive a conversation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conversations.chat import Crowd
from tests.conversations.town import CHANNELS, Town, open_town
from tests.homeserver.synapse import Homeserver


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def crowd(homeserver: Homeserver) -> AsyncIterator[Crowd]:
    """Give the people of a homeserver."""
    async with AsyncExitStack() as stack:
        yield Crowd(homeserver, stack)


@pytest.fixture(params=CHANNELS)
def people(request: pytest.FixtureRequest) -> tuple[str, Crowd | None]:
    """Name a channel, with the people of the homeserver where it is Matrix."""
    return request.param, request.getfixturevalue("crowd") if request.param == "matrix" else None


@pytest_asyncio.fixture(loop_scope="package")
async def town(tmp_path: Path, people: tuple[str, Crowd | None]) -> AsyncIterator[Town]:
    """Run the program on one channel."""
    channel, crowd = people
    async with open_town(tmp_path, [channel], crowd) as opened:
        yield opened
