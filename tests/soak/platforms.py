"""Three ways to reach people: which program sends there, and what they see of what it sent."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from tests.bench.programs import Fake, fake_telegram
from tests.soak.homeserver import Homeserver
from tests.soak.people import MARKER
from tests.soak.programs import Program, bot, common

FIRST = 1_000_000
"""The first person's id on Telegram."""

AT_ONCE = 50
"""How many mailboxes are read at the same time."""


class Platform(Protocol):
    """One way to reach `addresses`, on `channel`, with `program`.

    `loses` says whether a message is given up when its process is killed while it is under way. A kill comes
    up to `jitter` seconds after the moment that is looked for.
    """

    channel: str
    addresses: Sequence[str]
    program: Program
    loses: bool
    jitter: float

    def chats(self) -> Mapping[str, Sequence[str]]:
        """Return what each address shows, as texts; the program must run."""


@dataclass
class Telegram:
    """The bot on the fake Telegram, by long polling."""

    fake: Fake
    program: Program
    addresses: Sequence[str]
    channel: str = "telegram"
    loses: bool = True
    jitter: float = 0.1

    def chats(self) -> dict[str, list[str]]:
        """Return what the fake shows."""
        return texts_in(self.fake)


@dataclass
class Web:
    """The bot's web chat: everybody looks into it at the end."""

    program: Program
    addresses: Sequence[str]
    tokens: Sequence[str]
    channel: str = "web"
    loses: bool = False
    jitter: float = 0.005

    def chats(self) -> dict[str, list[str]]:
        """Return what everybody's page shows."""
        pages = asyncio.run(_read_pages(self.program.url, self.tokens))
        return dict(zip(self.addresses, pages, strict=True))


@dataclass
class Rooms:
    """A sender of its own on a homeserver."""

    server: Homeserver
    program: Program
    addresses: Sequence[str]
    channel: str = "matrix"
    loses: bool = False
    jitter: float = 0.1

    def chats(self) -> dict[str, list[str]]:
        """Return what the rooms show."""
        return self.server.rooms


@contextmanager
def telegram(folder: Path, database_url: str, lease_seconds: float, people: int) -> Iterator[Telegram]:
    """Give a bot on a fake Telegram of its own, with so many people."""
    with fake_telegram() as fake:
        program = bot(folder, database_url, lease_seconds, fake)
        yield Telegram(fake, program, expect_people(fake, people))


@contextmanager
def web(folder: Path, database_url: str, lease_seconds: float, people: int) -> Iterator[Web]:
    """Give a bot with so many people in its web chat."""
    tokens = [f"{number:043}" for number in range(people)]
    addresses = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    yield Web(bot(folder, database_url, lease_seconds), addresses, tokens)


@contextmanager
def rooms(folder: Path, database_url: str, lease_seconds: float, people: int) -> Iterator[Rooms]:
    """Give a sender on a homeserver of its own, with so many rooms."""
    with Homeserver() as server:
        program = Program(folder, common(database_url, lease_seconds), "tests.soak.outpost", server.url)
        yield Rooms(server, program, [f"!room{number}" for number in range(people)])


def expect_people(fake: Fake, people: int) -> list[str]:
    """Make so many people on the fake, who write nothing, judge anew, and return their addresses."""
    fake.post("/people", {"count": people, "first": FIRST, "silent": True})
    fake.post("/judge", {"marker": MARKER})
    return [str(FIRST + number) for number in range(people)]


def texts_in(fake: Fake) -> dict[str, list[str]]:
    """Return the texts that each chat of the fake shows."""
    return {chat: [text for text, _ in sent] for chat, sent in fake.get("/sent").items()}


async def _read_pages(url: str, tokens: Sequence[str]) -> list[list[str]]:
    """Return the texts that the page of everybody, known by a cookie, shows when it is opened."""
    places = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(url) as session:

        async def read(token: str) -> list[str]:
            headers = {"Cookie": f"aglomeracja={token}"}
            async with places, session.get("/events", headers=headers) as response:
                return await _read_page(response)

        return await asyncio.gather(*(read(token) for token in tokens))


async def _read_page(response: aiohttp.ClientResponse) -> list[str]:
    """Return the texts that a page shows before it waits for news."""
    texts = list[str]()
    async for line in response.content:
        if line == b"event: ready\n":
            return texts
        if line.startswith(b"data: {"):
            nodes = json.loads(line.removeprefix(b"data: "))["nodes"]
            texts.append("".join(node for node in nodes if isinstance(node, str)))
    raise ConnectionError("the page ended")
