"""Updates by webhook: answered with 200 only after they were handled."""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.telegram.api import Json
from bot.channels.telegram.patience import Patience
from bot.log import describe

BODY_LIMIT = 1_000_000
"""Bytes; an update takes a few thousand."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram posts updates: the public https address, and the secret which shows that it is Telegram.

    Bot API: 1-256 characters A-Z, a-z, 0-9, _ and - (`secret_token`).
    """

    url: str
    secret: str = field(repr=False)


class WebhookDoor:
    """The HTTP side of a webhook: checks a request and gives its update to `handle`.

    Telegram repeats an update that was not answered with 2xx and sends those of one chat one by one.
    """

    def __init__(self, webhook: Webhook) -> None:
        self._secret = webhook.secret.encode()
        self._path = urlsplit(webhook.url).path or "/"
        self._handle: Callable[[Json], Awaitable[None]] | None = None
        self._patience = Patience()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def routes(self) -> list[Route]:
        """Return the route to mount in the HTTP server."""
        return [Route(self._path, self._post, methods=["POST"])]

    def open(self, handle: Callable[[Json], Awaitable[None]]) -> None:
        """Let updates in from now on; until then Telegram is told to come again."""
        self._handle = handle

    async def close(self) -> None:
        """Let no more updates in and return once those inside are handled."""
        self._handle = None
        await self._empty.wait()

    async def _post(self, request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode()
        if not hmac.compare_digest(given, self._secret):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        body = await _body(request)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        update = _update(body)
        if update is None:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        return Response(status_code=await self._let_in(update))

    async def _let_in(self, update: Json) -> HTTPStatus:
        if self._handle is None:
            return HTTPStatus.SERVICE_UNAVAILABLE
        self._inside += 1
        self._empty.clear()
        try:
            await self._handle(update)
        except Exception as error:  # noqa: BLE001 - whatever it is, Telegram sends the update again
            log.error("update %s could not be handled: %s", update["update_id"], describe(error))  # noqa: TRY400 - its text may quote a message
            return self._failed(update["update_id"], error)
        else:
            self._patience.worked(update["update_id"])
            return HTTPStatus.OK
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    def _failed(self, update_id: int, error: Exception) -> HTTPStatus:
        if self._patience.failed(update_id, error) is None:
            log.error("update %s is skipped: it could not be handled after several tries", update_id)
            return HTTPStatus.OK
        return HTTPStatus.INTERNAL_SERVER_ERROR


async def _body(request: Request) -> bytes | None:
    # None when it is too long: what is too much is not even read.
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > BODY_LIMIT:
                return None
            chunks.append(chunk)
    except ClientDisconnect:
        return b""
    return b"".join(chunks)


def _update(body: bytes) -> Json | None:
    try:
        update = json.loads(body)
    except (RecursionError, ValueError):
        return None
    return update if isinstance(update, dict) and isinstance(update.get("update_id"), int) else None
