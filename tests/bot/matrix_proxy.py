"""What stands between the bot and a real homeserver and may change, hold back or refuse what passes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

Json = dict[str, Any]

Refuse = Callable[[str, str], web.Response | None]
"""Given the method and the path: an answer instead of the homeserver's, None to let the request pass."""


@dataclass
class Proxy:
    """A running proxy: `refuse` is asked before a request, `change` may change the answer to `changed`.

    `answered` counts the statuses of the answers.
    """

    url: str = ""
    homeserver: str = ""
    refuse: Refuse = lambda _method, _path: None
    change: Callable[[Json], None] = lambda _answer: None
    changed: str = "/sync"
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on."""
        self.asked[request.path.rpartition("/")[2]] += 1
        refused = self.refuse(request.method, request.path)
        if refused is not None:
            return refused
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, self.homeserver + request.raw_path, data=await request.read(), headers=headers
            ) as response,
        ):
            body = await response.read()
            self.answered[response.status] += 1
            if request.path.endswith(self.changed) and response.status == 200:
                answer = json.loads(body)
                self.change(answer)
                body = json.dumps(answer).encode()
            return web.Response(status=response.status, body=body, content_type=response.content_type)


@asynccontextmanager
async def proxied(homeserver: str) -> AsyncIterator[Proxy]:
    """Give a proxy in front of a homeserver."""
    proxy = Proxy(homeserver=homeserver)
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield proxy
    finally:
        await runner.cleanup()


def refused(status: int, **answer: Any) -> web.Response:
    """Return an answer that says no."""
    return web.Response(status=status, text=json.dumps(answer), content_type="application/json")


class Withheld:
    """Holds back the keys that come with syncs until `let_go`; used as a proxy's `change`."""

    def __init__(self) -> None:
        self.kept = list[Json]()
        self._holding = True
        self.held = asyncio.Event()

    def __call__(self, answer: Json) -> None:
        """Take the keys out of an answer, or put those into it that were held back."""
        events = answer.setdefault("to_device", {}).setdefault("events", [])
        if self._holding:
            self.kept += events
            events.clear()
            if self.kept:
                self.held.set()
        else:
            events[:0] = self.kept
            self.kept.clear()

    def let_go(self) -> None:
        """Let the keys come with the next answer."""
        self._holding = False
