"""People in the web chat: real HTTP on the page's own addresses; the page itself has tests of its own."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp

from tests.bot.flows import Program
from tests.conversations.person import Person, Shown

PATIENCE = 30.0
"""Seconds in which what must come is to come; far longer than it takes."""


@dataclass
class Item:
    """A message as the page keeps it: the ids of the letters that made it, and what the newest says."""

    ids: list[str]
    text: str
    options: dict[str, str] = field(default_factory=dict)


class Page(Person):
    """A person with the page open, who looks at it whenever something is waited for."""

    def __init__(self, name: str, program: Program, session: aiohttp.ClientSession) -> None:
        """Take a session of their own, which keeps the cookie."""
        super().__init__(name, program)
        self._session = session
        self._items = list[Item]()
        self._last = "0"

    def screen(self) -> list[Shown]:
        """Return the bot's messages."""
        return [Shown(item.ids[0], item.text, tuple(item.options)) for item in self._items]

    async def opens(self) -> None:
        """Open the page, which gives the cookie."""
        async with self._session.get("/") as response:
            assert response.status == 200

    async def writes(self, text: str) -> None:
        """Send a message."""
        await self._post({"text": text})

    async def chooses(self, shown: Shown, label: str) -> None:
        """Press a button."""
        item = next(item for item in self._items if item.ids[0] == shown.ref)
        await self._post({"pressed": item.options[label], "ref": shown.ref})

    async def forges(self, value: str) -> None:
        """Post what the page does not offer."""
        await self._post({"pressed": value, "ref": self._items[-1].ids[0]})

    async def leaves(self) -> None:
        """Fail: whoever closes the page finds everything there when they come back."""
        raise NotImplementedError

    async def until(self, holds: Callable[[], bool]) -> None:
        """Read the events after the last one that is known."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await self._read(holds)

    async def _post(self, said: dict[str, str]) -> None:
        async with self._session.post("/messages", json={"id": str(uuid4()), **said}) as response:
            assert response.status == 202, await response.text()

    async def _read(self, holds: Callable[[], bool]) -> None:
        """Read one stream until something holds, or the stream ends as it does when the program stops."""
        async with self._session.get("/events", params={"after": self._last}) as response:
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
            item = Item([], "")
            self._items.append(item)
        item.ids.append(letter["id"])
        item.text = _text(letter["nodes"])
        item.options = {option["label"]: option["value"] for option in letter["options"]}


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
