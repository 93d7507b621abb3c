"""The HTTP side of the fake: one handler for all methods, the queue of updates and injected failures."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fake_telegram.entities import Refused
from tests.fake_telegram.methods import Methods
from tests.fake_telegram.people import Chat, Group, Person
from tests.fake_telegram.queue import UpdateQueue

Json = dict[str, Any]

TOKEN = "123456:TEST-token"

PATIENCE = 10.0
"""Seconds a test waits for what must happen; far longer than it takes."""

_JSON_FIELDS = frozenset(
    {
        "allowed_updates", "commands", "entities", "link_preview_options", "reply_markup", "reply_parameters",
        "scope",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call of a Bot API method, as it came in."""

    method: str
    params: Json


@dataclass
class Failure:
    """What shall happen to a call instead of, or before, its answer.

    With `status` it is refused with `description` and `parameters`. `drop` closes the connection: "before"
    the call is carried out or "after". `hold` keeps the call waiting before it is carried out.
    """

    status: int = 0
    description: str = ""
    parameters: Json | None = None
    drop: str = ""
    hold: asyncio.Event | None = None


class FakeTelegram:
    """A Bot API server for one bot. `url` is its base address once it was started."""

    def __init__(self, token: str = TOKEN, *, record: bool = True) -> None:
        self.token = token
        self.bot: Json = {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "aglomeracja_bot"}
        self.calls: list[Call] = []
        self.chats: dict[int, Chat] = {}
        self.moved: dict[int, int] = {}
        self.menus: dict[tuple[str, str], list[Json]] = {}
        self.open_queries: set[str] = set()
        self.queue = UpdateQueue()
        self.on_reply: Callable[[int], None] | None = None
        self.control: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = None
        self.served = 0
        self.url = ""
        self._record = record
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._methods = Methods(self)
        self._changed = asyncio.Event()
        self._ids = 100
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on localhost."""
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening and posting."""
        await self.queue.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def person(self, user_id: int = 77, name: str = "Anna Nowak", language: str = "pl") -> Person:
        """Return a person who has opened a chat with the bot."""
        first, _, last = name.partition(" ")
        about = {"id": user_id, "type": "private", "first_name": first, "language_code": language}
        person = Person(self, {**about, "last_name": last} if last else about)
        self.chats[user_id] = person
        return person

    def group(self, chat_id: int = -500, title: str = "Klaster", kind: str = "group") -> Group:
        """Return a group with the bot in it."""
        group = Group(self, {"id": chat_id, "type": kind, "title": title})
        self.chats[chat_id] = group
        return group

    def fails(self, method: str, *failures: Failure) -> None:
        """Let the next calls of `method` end in `failures`, one each."""
        self._failures[method].extend(failures)

    def update(self, **content: Json) -> int:
        """Queue an update and return its id."""
        return self.queue.add(content)

    def called(self, method: str) -> list[Json]:
        """Return the parameters of all calls of `method` so far."""
        return [call.params for call in self.calls if call.method == method]

    def next_id(self) -> int:
        """Return an id not used before."""
        self._ids += 1
        return self._ids

    def open_query(self) -> str:
        """Return the id of a callback query that waits for its answer."""
        query = str(self.next_id())
        self.open_queries.add(query)
        return query

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, looking again after every call; raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def touch(self) -> None:
        """Make `until` look again."""
        self._changed.set()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.control is not None and not request.path.startswith("/bot"):
            return await self.control(request)
        token, _, method = request.path.removeprefix("/bot").partition("/")
        if token != self.token:
            return _answer({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        params = await _params(request)
        self.served += 1
        if self._record:
            self.calls.append(Call(method, params))
            self._changed.set()  # what holds a call back is awaited later, so tests see what it did at once
        failure = self._failures[method].popleft() if self._failures.get(method) else Failure()
        try:
            return await self._carry_out(request, method, params, failure)
        finally:
            self._changed.set()

    async def _carry_out(
        self, request: web.BaseRequest, method: str, params: Json, failure: Failure
    ) -> web.StreamResponse:
        if failure.hold is not None:
            await failure.hold.wait()
        if failure.status:
            extra = {"parameters": failure.parameters} if failure.parameters else {}
            return _refusal(failure.status, failure.description, **extra)
        if failure.drop != "before":
            answer = await self._call(method, params)
        if failure.drop:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    async def _call(self, method: str, params: Json) -> web.Response:
        handler = getattr(self._methods, method.lower(), None)
        if handler is None:
            return _refusal(404, "Not Found")
        try:
            return _answer({"ok": True, "result": await handler(params)})
        except Refused as refused:
            extra = {"parameters": refused.parameters} if refused.parameters else {}
            return _refusal(refused.status, refused.description, **extra)


def _answer(body: Json, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


def _refusal(status: int, description: str, **extra: Any) -> web.Response:
    return _answer({"ok": False, "error_code": status, "description": description, **extra}, status)


async def _params(request: web.BaseRequest) -> Json:
    # As JSON, as a form or as multipart, as the Bot API takes them all.
    if request.content_type == "application/json":
        params: Json = json.loads(await request.read() or b"{}")
        return params
    form = await request.post()
    return {
        key: json.loads(value) if key in _JSON_FIELDS and isinstance(value, str) else value
        for key, value in form.items()
    }
