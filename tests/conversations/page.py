"""People in the web chat: real HTTP on the page's own addresses; the page itself has tests of its own."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp

from tests.bot.flows import Program
from tests.conversations.person import Person, Shown

PATIENCE = 30.0
"""Seconds in which what must come is to come; far longer than it takes."""


@dataclass
class Item:
    """A message as the page keeps it: the ids of the letters that made it, and the newest of them."""

    ids: list[str]
    letter: dict[str, Any]

    @property
    def shown(self) -> Shown:
        """What can be read of it."""
        labels = tuple(option["label"] for option in self.letter["options"])
        return Shown(self.ids[0], _text(self.letter["nodes"]), labels)


class Page(Person):
    """A person with the page open, who looks at it whenever something is waited for."""

    def __init__(self, name: str, program: Program, session: aiohttp.ClientSession) -> None:
        """Take a session of their own, which keeps the cookie."""
        super().__init__(name, program)
        self.session = session
        self._items = list[Item]()
        self._last = "0"

    def screen(self) -> list[Shown]:
        """Return the bot's messages."""
        return [item.shown for item in self._items]

    def letter(self, shown: Shown) -> dict[str, Any]:
        """Return a message as the page got it last."""
        return next(item.letter for item in self._items if item.ids[0] == shown.ref)

    async def opens(self) -> None:
        """Open the page, which gives the cookie."""
        async with self.session.get("/") as response:
            assert response.status == 200

    async def writes(self, text: str) -> None:
        """Send a message."""
        await self._post({"text": text})

    async def chooses(self, shown: Shown, label: str) -> None:
        """Press a button."""
        options = self.letter(shown)["options"]
        value = next(option["value"] for option in options if option["label"] == label)
        await self._post({"pressed": value, "ref": shown.ref})

    async def forges(self, value: str) -> None:
        """Post what the page does not offer."""
        await self._post({"pressed": value, "ref": self._items[-1].ids[0]})

    async def sends_file(self, name: str, data: bytes) -> None:
        """Post a file."""
        named = {"id": str(uuid4()), "name": name}
        headers = {"Content-Type": "application/octet-stream"}
        async with self.session.post("/files", params=named, data=BytesIO(data), headers=headers) as response:
            assert response.status == 202, await response.text()

    async def downloads(self, shown: Shown) -> bytes:
        """Load it from the address that the page shows."""
        async with self.session.get(self.letter(shown)["file"]["url"]) as response:
            assert response.status == 200
            return await response.read()

    async def leaves(self) -> None:
        """Fail: whoever closes the page finds everything there when they come back."""
        raise NotImplementedError

    async def until(self, holds: Callable[[], bool]) -> None:
        """Read the events after the last one that is known."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await self._read(holds)

    async def _post(self, said: dict[str, str]) -> None:
        async with self.session.post("/messages", json={"id": str(uuid4()), **said}) as response:
            assert response.status == 202, await response.text()

    async def _read(self, holds: Callable[[], bool]) -> None:
        """Read one stream until something holds, or the stream ends as it does when the program stops."""
        async with self.session.get("/events", params={"after": self._last}) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    self._take(json.loads(line.removeprefix(b"data: ")))
                    if holds():
                        return

    def _take(self, letter: dict[str, Any]) -> None:
        """Take a letter in as the page does: it is a message, or takes the place of one, or is known."""
        if any(letter["id"] in item.ids for item in self._items):
            return
        self._last = max(self._last, letter["id"], key=int)
        item = next((item for item in self._items if letter["replaces"] in item.ids), None)
        if item is None:
            item = Item([], letter)
            self._items.append(item)
        item.ids.append(letter["id"])
        item.letter = letter


class Web:
    """The program's own page as a place from which people write."""

    settings: ClassVar[dict[str, Any]] = {}
    """What the program has to know to be there: nothing."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """Take what closes the people's browsers at the end."""
        self._stack = stack

    async def person(self, program: Program, name: str) -> Page:
        """Return somebody who has opened the page; a browser does not know their name, so they tell it."""
        session = aiohttp.ClientSession(
            f"http://127.0.0.1:{program.running.server.port}",
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept-Language": "pl"},
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
        )
        page = Page(name, program, await self._stack.enter_async_context(session))
        await page.opens()
        await page.says(f"/imie {name}", name)
        return page


def _text(nodes: list[Any]) -> str:
    """Return what can be read of a message."""
    return "".join(node if isinstance(node, str) else _text(node["c"]) for node in nodes)
