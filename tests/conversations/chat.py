"""People on Matrix: encrypted direct chats, by a client that excludes unsigned devices (MSC4153)."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.channels.matrix import CHANNEL
from bot.channels.matrix.channel import MatrixChannel
from handlers.dialogue.choices import number_emoji
from tests.bot.flows import Program
from tests.conversations.person import Person, Shown
from tests.homeserver.event import Event
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Homeserver

_OPTIONS = re.compile(r"(?:\n\n|\A)((?:^[1-6]\. .+\n?)+)\Z", re.MULTILINE)
"""The options as they stand in the plain text, below it."""

_COMMAND = re.compile(r"(?<!\w)!(?=[a-z])")


class Chat(Person):
    """A person's direct chat with the bot, which their first message opens."""

    def __init__(self, client: Member, program: Program, bot: str) -> None:
        """Take their client, which may have been in other rooms before, and the bot's id."""
        super().__init__(client.name, program)
        client.room = ""
        self.client = client
        self._bot = bot
        self._tapped = dict[tuple[str, str], str]()

    def screen(self) -> list[Shown]:
        """Return the bot's messages."""
        shown = self.client.screen().items()
        return [_shown(ref, event) for ref, event in shown if event.room_id == self.client.room]

    async def writes(self, text: str) -> None:
        """Send a message; a command begins with an exclamation mark, for Element keeps the slash."""
        said = re.sub(r"\A/(?=\w)", "!", text)
        if self.client.room:
            await self.client.sends(said)
        else:
            await self.client.opens(self._bot, said)

    async def chooses(self, shown: Shown, label: str) -> None:
        """Tap the number that the bot has put under its message; one's own would only be undone by that."""
        key = number_emoji(shown.labels.index(label) + 1)
        own = self._tapped.get((key, shown.ref))

        def free() -> bool:
            seen = self.client.seen
            offered = any((one.reaction, one.reaction_to) == (key, shown.ref) for one in seen)
            return offered and (own is None or any(one.redacts == own for one in seen))

        await self.until(free)
        self._tapped[key, shown.ref] = await self.client.reacts(key, shown.ref)

    async def forges(self, value: str) -> None:
        """Type it: there is nothing to press on Matrix."""
        await self.writes(value)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for events."""
        await self.client.until(holds)

    async def leaves(self) -> None:
        """Leave the chat."""
        await self.client.leaves()


class Crowd:
    """The clients of people on a homeserver: each takes a while to start, so they are used again."""

    def __init__(self, server: Homeserver, stack: AsyncExitStack) -> None:
        """Take where they have their accounts, and what ends them."""
        self.server = server
        self._stack = stack
        self._members = dict[str, Member]()

    async def member(self, name: str) -> Member:
        """Return the client of somebody of this name."""
        if name not in self._members:
            started = member(self.server, name, Mode.SIGNED_ONLY)
            self._members[name] = await self._stack.enter_async_context(started)
        return self._members[name]


class Matrix:
    """A homeserver as a place from which people write to one bot."""

    def __init__(self, crowd: Crowd, folder: Path) -> None:
        """Take the people there, and where the bot keeps its keys."""
        self.crowd = crowd
        self.bot = crowd.server.register("bot", with_device=False)
        self._folder = folder

    @property
    def settings(self) -> dict[str, Any]:
        """What the program has to know to be there."""
        return {
            "matrix_homeserver": self.crowd.server.url,
            "matrix_user": self.bot.user_id,
            "matrix_password": SecretStr(self.bot.password),
            "matrix_folder": self._folder,
            "matrix_per_second": 100.0,
        }

    async def person(self, program: Program, name: str) -> Chat:
        """Return somebody who has not written yet."""
        await _reads(program)
        return Chat(await self.crowd.member(name), program, self.bot.user_id)


async def _reads(program: Program) -> None:
    """Wait until the bot reads; before its very first device is there nobody can encrypt for it."""
    await program.running.leases.wait_until(CHANNEL, held=True)
    [channel] = [one for one in program.running.channels if isinstance(one, MatrixChannel)]
    while channel._syncing is None:  # noqa: ASYNC110 - nobody is told; it is there in a moment
        await asyncio.sleep(0)
    await channel._syncing.ready.wait()


def _shown(ref: str, event: Event) -> Shown:
    """Return a message with its options apart from its text, its commands as on the other channels."""
    text = _COMMAND.sub("/", event.text)
    found = _OPTIONS.search(text)
    if found is None:
        return Shown(ref, text)
    labels = tuple(line.partition(" ")[2] for line in found[1].splitlines())
    return Shown(ref, text[: found.start()], labels)
