"""People on Matrix: encrypted direct chats, by a client that excludes unsigned devices (MSC4153)."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.channels.matrix import CHANNEL
from bot.channels.matrix.channel import MatrixChannel
from handlers.dialogue.choices import number_emoji
from tests.bot.flows import Program
from tests.conversations.person import Corrector, Shown
from tests.homeserver.event import Event
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Homeserver

_OPTIONS = re.compile(r"(?:\n\n|\A)((?:^[1-6]\. .+\n?)+)\Z", re.MULTILINE)
"""The options as they stand in the plain text, below it."""

_COMMAND = re.compile(r"(?<!\w)!(?=[a-z])")


class Chat(Corrector):
    """A person's direct chat with the bot, which their first message opens; or a room where others are too.

    `wrote` are the ids of what they sent there.
    """

    def __init__(self, client: Member, program: Program, bot: str, room: str = "") -> None:
        """Take their client, which may be in several rooms, the bot's id, and the room if there is one."""
        super().__init__(client.name, program)
        self.room = room
        self.wrote = list[str]()
        self._client = client
        self._bot = bot
        self._tapped = dict[tuple[str, str], str]()

    @property
    def client(self) -> Member:
        """Their client, turned to this room."""
        self._client.room = self.room
        return self._client

    def screen(self) -> list[Shown]:
        """Return the bot's messages."""
        shown = self.client.screen().items()
        return [_shown(ref, event) for ref, event in shown if event.room_id == self.room]

    def event(self, shown: Shown) -> Event:
        """Return a message with all that Matrix knows of it: the newest edit, if there was one."""
        return self.client.screen()[shown.ref]

    async def writes(self, text: str) -> None:
        """Send a message; a command begins with an exclamation mark, for Element keeps the slash."""
        if self.room:
            self.wrote.append(await self.client.sends(_said(text)))
        else:
            self.wrote.append(await self.client.opens(self._bot, _said(text)))
            self.room = self._client.room

    async def addresses(self, text: str) -> None:
        """Send a message that mentions the bot, as one has to among others."""
        self.wrote.append(await self.client.sends(f"bot: {_said(text)}", mentions=[self._bot]))

    async def rewrites(self, text: str, back: int = 1) -> None:
        """Edit a message."""
        await self.client.edits(self.wrote[-back], _said(text))

    async def takes_back(self, back: int = 1) -> None:
        """Redact the last message of theirs, or one further back."""
        await self.client.redacts(self.wrote[-back])

    async def sends_file(self, name: str, data: bytes) -> None:
        """Send it as a picture or a file, which its name tells."""
        mimetype, _ = guess_type(name)
        await self.client.sends_file(name, data, mimetype or "application/octet-stream")

    async def downloads(self, shown: Shown) -> bytes:
        """Load it from the homeserver and decrypt it."""
        return await self.client.downloads(self.event(shown))

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

    # What there are rooms with others for.

    async def gathers(self, name: str, *others: "Chat") -> "Chat":
        """Make an encrypted room with the bot and others in it, and return it."""
        invited = [self._bot, *(other.client.user_id for other in others)]
        room = self._in(await self.client.gathers(name, *invited))
        for other in others:
            await other.joins(room)
        return room

    async def brings(self, other: "Chat") -> "Chat":
        """Let somebody come into this room, and return it as they see it."""
        await self.client.invites(other.client.user_id)
        return await other.joins(self)

    async def joins(self, room: "Chat") -> "Chat":
        """Join somebody's room, and return it as they see it themselves."""
        await self.client.joins(room.room)
        return self.inside(room)

    async def accepts(self) -> "Chat":
        """Accept the invitation into a room and return that."""
        return self._in(await self.client.accepts())

    async def upgrades(self) -> "Chat":
        """Replace the room by one of another version, where the bot is invited, and return that."""
        successor = self._in(await self.client.upgrades())
        await successor.client.invites(self._bot)
        return successor

    def inside(self, room: "Chat") -> "Chat":
        """Return somebody's room as they see it themselves."""
        return self._in(room.room)

    async def sees_the_bot(self, membership: str) -> None:
        """Wait until the bot is in the room, "join", or has gone from it, "leave"."""
        await self.client.sees(lambda event: self._moves(event, membership))

    def _moves(self, event: Event, membership: str) -> bool:
        if event.type != "m.room.member" or (event.room_id, event.state_key) != (self.room, self._bot):
            return False
        return bool(event.content["membership"] == membership)

    def _in(self, room: str) -> "Chat":
        return Chat(self._client, self.program, self._bot, room)


class Crowd:
    """The clients of people on a homeserver: each takes a while to start, so they are used again."""

    def __init__(self, server: Homeserver, stack: AsyncExitStack) -> None:
        """Take where they have their accounts, and what ends them."""
        self.server = server
        self._stack = stack
        self._members = dict[str, Member]()

    async def member(self, name: str, mode: Mode = Mode.SIGNED_ONLY) -> Member:
        """Return the client of somebody of this name, who always treats encryption in the same way."""
        if name not in self._members:
            started = member(self.server, name, mode)
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

    async def person(self, program: Program, name: str, mode: Mode = Mode.SIGNED_ONLY) -> Chat:
        """Return somebody who has not written yet."""
        await _reads(program)
        return Chat(await self.crowd.member(name, mode), program, self.bot.user_id)


async def _reads(program: Program) -> None:
    """Wait until the bot reads; before its very first device is there nobody can encrypt for it."""
    await program.running.leases.wait_until(CHANNEL, held=True)
    [channel] = [one for one in program.running.channels if isinstance(one, MatrixChannel)]
    while channel._syncing is None:  # noqa: ASYNC110 - nobody is told; it is there in a moment
        await asyncio.sleep(0)
    await channel._syncing.ready.wait()


def _said(text: str) -> str:
    """Return a text as it is typed in Element, which keeps what begins with a slash for itself."""
    return re.sub(r"\A/(?=\w)", "!", text)


def _shown(ref: str, event: Event) -> Shown:
    """Return a message with its options apart from its text, its commands as on the other channels."""
    text = _COMMAND.sub("/", event.text)
    found = _OPTIONS.search(text)
    if found is None:
        return Shown(ref, text)
    labels = tuple(line.partition(" ")[2] for line in found[1].splitlines())
    return Shown(ref, text[: found.start()], labels)
