"""The HTTP side of the fake: one handler for all methods, limits, injected failures and the answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fake_telegram import answers
from tests.fake_telegram.entities import Refused
from tests.fake_telegram.failures import Failure, Failures
from tests.fake_telegram.judge import Judge
from tests.fake_telegram.limits import TOKEN as WHOLE_TOKEN
from tests.fake_telegram.limits import Limits, Throttle
from tests.fake_telegram.media import MediaStore
from tests.fake_telegram.methods import Methods
from tests.fake_telegram.people import Chat, Group, Person
from tests.fake_telegram.posting import PostMode
from tests.fake_telegram.queue import UpdateQueue

Json = dict[str, Any]

TOKEN = "123456:TEST-token"

PATIENCE = 10.0
"""Seconds a test waits for what must happen; far longer than it takes."""

UPLOAD_LIMIT = 50_000_000
"""Bytes that a bot may send at once (Bot API, "Sending files")."""

_LIMITED = frozenset({"sendmessage", "editmessagetext", "sendphoto", "senddocument", "editmessagecaption"})


@dataclass(frozen=True)
class Call:
    """One call of a Bot API method, as it came in."""

    method: str
    params: Json


class FakeTelegram:
    """A Bot API server for one bot. `url` is its base address once it was started.

    `record` keeps all calls for `called`. `post_to` names the addresses that get the updates once the bot
    has set a webhook, whatever address that has. `clock` returns seconds that never go back.
    """

    def __init__(  # noqa: PLR0913 - each may be left out
        self,
        token: str = TOKEN,
        *,
        record: bool = True,
        limits: Limits | None = None,
        post_to: Sequence[str] = (),
        post_mode: PostMode = PostMode.ANY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token = token
        self.bot: Json = {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "aglomeracja_bot"}
        self.calls: list[Call] = []
        self.chats: dict[int, Chat] = {}
        self.moved: dict[int, int] = {}
        self.menus: dict[tuple[str, str], list[Json]] = {}
        self.open_queries: set[str] = set()
        self.media = MediaStore()
        self.queue = UpdateQueue()
        self.queue.poster.addresses, self.queue.poster.mode = post_to, post_mode
        self.throttle = Throttle(limits or Limits(), clock)
        self.failures = Failures()
        self.judge = Judge(clock)
        self.on_reply: Callable[[int], None] | None = None
        """Called with the chat's id when a message that is not the judged broadcast's was taken there."""
        self.control: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = None
        """Answers whatever is not a call of the Bot API."""
        self.served = 0
        self.url = ""
        self._record = record
        self._methods = Methods(self)
        self._changed = asyncio.Event()
        self._ids = 100
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on localhost."""
        server = web.Server(self._serve, access_log=None, request_factory=_request)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
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
        self.failures.add(method, *failures)

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
        path = request.path
        if path.startswith("/file/bot"):
            return await self._give_file(request, path.removeprefix("/file/bot"))
        if self.control is not None and not path.startswith("/bot"):
            return await self.control(request)
        token, _, method = path.removeprefix("/bot").partition("/")
        if token != self.token:
            return answers.refusal(401, "Unauthorized")
        params = await answers.params_of(request)
        self._note(method, params)
        try:
            return await self._answer(request, method, params)
        finally:
            self._changed.set()

    async def _give_file(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        token, _, place = path.partition("/")
        failure = self.failures.take("download")
        await failure.keep_waiting()
        data = self.media.fetch(place) if token == self.token and not failure.status else None
        if data is None:
            return answers.refusal(failure.status or 404, failure.description or "Not Found")
        if failure.drop:  # in the middle
            half = web.StreamResponse(headers={"Content-Length": str(len(data))})
            await half.prepare(request)
            await half.write(data[: len(data) // 2])
            assert request.transport is not None
            request.transport.abort()
            return half
        return web.Response(body=data, content_type="application/octet-stream")

    def _note(self, method: str, params: Json) -> None:
        self.served += 1
        if self._record:
            self.calls.append(Call(method, params))
            self._changed.set()  # what holds a call back is awaited later, so tests see what it did at once

    async def _answer(self, request: web.BaseRequest, method: str, params: Json) -> web.StreamResponse:
        if method.lower() in _LIMITED and (seconds := self.throttle.arrive(_chat_of(params))):
            return answers.too_many_requests(seconds)
        failure = self.failures.take(method)
        await failure.keep_waiting()
        if failure.status:
            return self._refuse(params, failure)
        if failure.drop != "before":
            answer = await self._call(method, params)
        if failure.drop:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    def _refuse(self, params: Json, failure: Failure) -> web.Response:
        if failure.scope and failure.parameters:
            place = WHOLE_TOKEN if failure.scope == "token" else _chat_of(params)
            self.throttle.refuse(place, failure.parameters["retry_after"])
        return answers.refusal(failure.status, failure.description, failure.parameters)

    async def _call(self, method: str, params: Json) -> web.Response:
        handler = getattr(self._methods, method.lower(), None)
        if handler is None:
            return answers.refusal(404, "Not Found")
        try:
            return answers.result(await handler(params))
        except Refused as refused:
            return answers.refusal(refused.status, refused.description, refused.parameters)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=UPLOAD_LIMIT)


def _chat_of(params: Json) -> int:
    chat_id = str(params.get("chat_id", ""))
    return int(chat_id) if chat_id.removeprefix("-").isdecimal() else 0
