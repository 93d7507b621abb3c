"""The town on Matrix, with what only people there can do."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conversations.chat import Chat, Crowd, Matrix
from tests.conversations.town import Town, open_town
from tests.homeserver.member import Mode
from tests.homeserver.synapse import Homeserver


@dataclass
class MatrixTown:
    """A town which is on Matrix, and people there."""

    town: Town

    @property
    def matrix(self) -> Matrix:
        """Where they come from."""
        return self.town.at(Matrix)

    @property
    def bot(self) -> str:
        """The bot's id."""
        return self.matrix.bot.user_id

    async def person(self, name: str, mode: Mode = Mode.SIGNED_ONLY) -> Chat:
        """Return somebody who has not written yet."""
        return await self.matrix.person(self.town.program, name, mode)

    async def comes(self, name: str, mode: Mode = Mode.SIGNED_ONLY) -> Chat:
        """Return somebody who has just been greeted."""
        return await self.town.greets(await self.person(name, mode))

    async def coordinator(self) -> Chat:
        """Return somebody who has become the coordinator."""
        return await self.town.appoints(await self.person("Ewa Kos"))


@asynccontextmanager
async def open_matrix_town(
    server: Homeserver, folder: Path, channels: Sequence[str] = ("matrix",), **settings: Any
) -> AsyncIterator[MatrixTown]:
    """Run the program on a homeserver, perhaps on other channels too, with people who leave at its end."""
    async with AsyncExitStack() as stack:
        crowd = Crowd(server, stack)
        yield MatrixTown(await stack.enter_async_context(open_town(folder, channels, crowd, **settings)))
