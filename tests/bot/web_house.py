"""A web chat with a small bot behind it, for the tests: real HTTP, and a list for a mailbox."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.app import utc_now
from bot.channel import Parcel
from bot.channels.web import Letter, Mailbox, WebChannel, WebSetup
from bot.dispatch import fetch
from bot.server import Server, build_app
from handlers.dialogue.message import FileRef, Incoming, Option, Outgoing

ZONE = ZoneInfo("Europe/Warsaw")
WELCOME = Outgoing(
    Markup("Dzień dobry! Jestem <b>botem klastra</b>.\nZapytaj mnie o klaster, spotkania i ogłoszenia."),
    (Option("Najbliższe spotkania", "/spotkania"), Option("Co to jest klaster?", "/pomoc")),
)
PRIVACY = {
    "pl": Markup("Zapisujemy <b>tylko</b> to, co napiszesz.\n\nPytania: biuro Izby."),
    "en": Markup("We keep <b>only</b> what you write."),
}


@dataclass
class House:
    """The bot behind the chat: what came in, what lies in the mailboxes, and how it answers.

    `files` are the bytes of the letters' files, by token; `late` are
    the ids of letters which came into the mailboxes after those with higher ids.
    """

    port: int = 0
    incoming: list[Incoming] = field(default_factory=list)
    letters: list[tuple[str, Letter]] = field(default_factory=list)
    locales: dict[str, str] = field(default_factory=dict)
    answer: Callable[[Incoming], list[Outgoing]] = lambda _: []
    late: set[int] = field(default_factory=set)
    broken: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    wants_files: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    channel: WebChannel = field(init=False)
    server: Server = field(init=False)

    @property
    def url(self) -> str:
        """The address of the chat."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self, public_url: str | None = None) -> None:
        """Start to serve, on the same port as before if there was one."""
        mailbox = Mailbox(self._letters_of, self._late_letters)
        privacy = PRIVACY.__getitem__
        setup = WebSetup(mailbox, self._file_of, self._locale_of, privacy, ZONE, utc_now, public_url)
        self.channel = WebChannel(setup)
        https = (public_url or "").startswith("https:")
        app = build_app(self.channel.routes(), self._healthy, https=https, not_found=self.channel.not_found)
        self.server = Server(app, "127.0.0.1", self.port)
        await self.server.start()
        self.port = self.server.port
        await self.channel.start(self._receive)

    async def close(self) -> None:
        """Stop serving; what lies in the mailboxes stays."""
        await self.channel.stop()
        await self.channel.close()
        await self.server.stop(5)

    async def push(self, address: str, message: Outgoing) -> int:
        """Put a message into a mailbox, wake the pages and return its id."""
        letter = Letter(len(self.letters) + 1, datetime.now(UTC), message)
        self.letters.append((address, letter))
        assert await self.channel.send(Parcel(letter.id, address, message)) == str(letter.id)
        return letter.id

    async def came(self, count: int) -> Incoming:
        """Return the last message once so many have come in."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.incoming) >= count)
        return self.incoming[-1]

    async def _receive(self, incoming: Incoming) -> None:
        if self.broken:
            raise RuntimeError("the store is away")
        if self.wants_files:
            incoming = replace(incoming, file=await fetch(incoming))
        if all(incoming.event_id != known.event_id for known in self.incoming):
            async with self.changed:
                self.incoming.append(incoming)
                self.changed.notify_all()
            for message in self.answer(incoming):
                await self.push(incoming.address, message)

    async def _letters_of(self, address: str, after: int) -> Sequence[Letter]:
        return [letter for owner, letter in self.letters if owner == address and letter.id > after][:200]

    async def _late_letters(self, address: str, since: int, up_to: int) -> Sequence[Letter]:
        del since
        return [
            one for owner, one in self.letters if owner == address and one.id <= up_to and one.id in self.late
        ]

    async def _file_of(self, address: str, token: str) -> tuple[FileRef, bytes] | None:
        carried = (one.message.file for owner, one in self.letters if owner == address)
        found = next((file for file in carried if file is not None and file.token == token), None)
        return (found, self.files[token]) if found is not None else None

    async def _locale_of(self, address: str) -> str | None:
        return self.locales.get(address)

    async def _healthy(self) -> bool:
        return not self.broken


@asynccontextmanager
async def open_house(public_url: str | None = None) -> AsyncIterator[House]:
    """Serve a chat on an ephemeral port for as long as the context lasts."""
    house = House()
    await house.open(public_url)
    try:
        yield house
    finally:
        await house.close()
