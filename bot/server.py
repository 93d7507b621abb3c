"""The HTTP server: uvicorn in the running event loop, and what every answer of it carries."""

import asyncio
import contextlib
import errno
import math
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 512 * 1024
"""Bytes of a request head; several times what arrives at once, for a body may come along with it."""

DATE_SECONDS = 1.0
"""How often the date that every answer tells is brought up to now."""

Healthy = Callable[[], Awaitable[bool]]
NotFound = Callable[[Request, Exception], Awaitable[Response]]

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def _not_found(request: Request, error: Exception) -> Response:
    del request, error
    return PlainTextResponse("Nie ma tu takiej strony. There is no such page here.", 404)


def build_app(
    routes: Sequence[BaseRoute], healthy: Healthy, *, https: bool = False, not_found: NotFound = _not_found
) -> ASGIApp:
    """Return the application: the routes, GET /health, security headers on every answer.

    /health answers 200 "ok" while `healthy` returns true and 503 otherwise. `https` says that the public
    address is an https one; browsers are then told never to come by plain http.
    """

    async def health(_: Request) -> Response:
        ok = await healthy()
        return PlainTextResponse("ok" if ok else "not ok", 200 if ok else 503)

    app = Starlette(routes=[*routes, Route("/health", health)], exception_handlers={404: not_found})
    app.router.redirect_slashes = False  # a redirect would go to whatever host the request names
    return _Secured(app, https=https)


class _Secured:
    """Puts the security headers on every answer, an error's too."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, secured)


class _BoundedProtocol(HttpToolsProtocol):
    """HTTP whose request head has an end: httptools itself would gather it for ever."""

    _head: int | None = 0

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no more: the body has a limit where it is read."""
        self._head = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Close the connection when the head has become too long."""
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.close()
                return
        super().data_received(data)


class _Uvicorn(uvicorn.Server):
    """Uvicorn which leaves signals alone, tells when it listens and rests while nothing happens."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        # Uvicorn's own looks ten times a second whether it is to stop.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), DATE_SECONDS)


class Server:
    """Serves an application; `port` is the one it listens on once it has started."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        """Take the application and where to listen; port 0 lets the system choose one."""
        self.host = host
        self.port = port
        self._stopping = asyncio.Event()
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                self._with_farewell(app),
                http=_BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
            ),
            self._stopping,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once it listens; raises OSError with a sentence when it cannot."""
        listener = await self._bind()
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._uvicorn.serve([listener]), name="http server")
        listening = asyncio.create_task(self._uvicorn.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            await self._task
            raise OSError(f"the server on {self.host}:{self.port} ended at once")

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - uvicorn's grace, not ours
        """Take no more requests, end the streams, and give what is in hand `timeout` seconds to finish."""
        if self._task is None:
            return
        self._stopping.set()
        self._uvicorn.config.timeout_graceful_shutdown = math.ceil(timeout)
        self._uvicorn.should_exit = True
        await self._task
        self._task = None

    async def _bind(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        where = f"{self.host}:{self.port}"
        try:
            found = await loop.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            family, _, _, _, address = found[0]
            return socket.create_server(address, family=family, backlog=2048)
        except OSError as error:
            why = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
            raise OSError(f"the web server cannot listen on {where}: {why}") from error

    def _with_farewell(self, app: ASGIApp) -> ASGIApp:
        """Return the application for which, once the server stops, the clients of GETs are gone.

        A stream of events would otherwise hold up the stop until its time is over.
        """

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def receive_or_leave() -> Message:
                if self._stopping.is_set():
                    return {"type": "http.disconnect"}
                return await _first(receive, self._stopping)

            has_body = scope.get("method") not in {"GET", "HEAD"}
            await app(scope, receive if has_body else receive_or_leave, send)

        return serve


async def _first(receive: Receive, stopping: asyncio.Event) -> Message:
    """Return the next message, or a disconnect when the server stops before it comes."""
    message = asyncio.ensure_future(receive())
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({message, stop}, return_when=asyncio.FIRST_COMPLETED)
        return message.result() if message.done() else {"type": "http.disconnect"}
    finally:
        message.cancel()
        stop.cancel()
