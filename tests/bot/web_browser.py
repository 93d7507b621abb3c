"""A browser without a page, for the tests: it keeps cookies, posts messages and reads events."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.bot.web_house import House


@dataclass
class Answer:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def error(self) -> str:
        """The sentence for the person."""
        return str(json.loads(self.text)["error"])


class Browser:
    """Keeps cookies and asks the chat as a browser does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.stream = session.get

    @property
    def cookie(self) -> str:
        """The value of the person's cookie."""
        return next(cookie.value for cookie in self._session.cookie_jar)

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page; a header's name has _ for -."""
        async with self._session.get(path, headers=_named(headers)) as response:
            return Answer(response.status, response.headers, await response.text())

    async def post(self, body: str | bytes | dict[str, Any], **headers: str) -> Answer:
        """Say or press something."""
        data = json.dumps(body) if isinstance(body, dict) else body
        sent = {"Content-Type": "application/json"} | _named(headers)
        async with self._session.post("/messages", data=data, headers=sent) as response:
            return Answer(response.status, response.headers, await response.text())


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def browser(house: House, **headers: str) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(house.url, cookie_jar=jar, headers=headers, timeout=timeout) as session:
        yield Browser(session)


def message(text: str) -> dict[str, Any]:
    """Return a message as the page posts it."""
    return {"id": str(uuid.uuid4()), "text": text}


async def events(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """Return the next letters of a stream."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = await response.content.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: {"):
            found.append(json.loads(line.removeprefix(b"data: ")))
    return found


async def ready(response: aiohttp.ClientResponse) -> None:
    """Return once everything missed has been sent."""
    while (await response.content.readline()) != b"event: ready\n":
        pass
