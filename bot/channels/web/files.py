"""Files of the web chat: what a person attaches, and what messages to them carry."""

import re
import uuid
from datetime import datetime
from typing import Final
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.channel import TooBig
from bot.channels.web.requests import UNREADABLE, Refused
from handlers.dialogue.message import Attached, FileRef, Incoming

MEDIA_TYPE: Final = "application/octet-stream"
"""As what the page posts a file: no form of another site can do that without being asked (CORS)."""

MAX_TOLD_NAME: Final = 1_000
"""How many characters of a name are looked at."""

CACHED_SECONDS: Final = 30 * 24 * 3600

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_LENGTH = re.compile(r"[0-9]{1,15}")


def to_incoming(request: Request, address: str, language: str, now: datetime) -> Incoming:
    """Return that the person at `address` attached a file; its bytes are read only when they are wanted.

    Raises Refused when the request has another shape.
    """
    try:
        event = uuid.UUID(request.query_params.get("id", ""))
    except ValueError as error:
        raise Refused(400, UNREADABLE) from error
    length = request.headers.get("content-length", "")
    size = int(length) if _LENGTH.fullmatch(length) else None

    async def fetch(limit: int) -> bytes:
        return await _read(request, limit)

    return Incoming(
        channel="web",
        event_id=f"{address[:16]}:{event}",
        sender=address,
        address=address,
        received_at=now,
        language=language,
        attachment="document",
        file=Attached(request.query_params.get("name", "")[:MAX_TOLD_NAME], size, fetch),
    )


def is_token(token: str) -> bool:
    """Return whether a text can be a file's secret name."""
    return _TOKEN.fullmatch(token) is not None


def answer(file: FileRef, data: bytes) -> Response:
    """Return a file: a picture may be shown in the page, anything else is only saved, and is never run."""
    kind = "inline" if file.is_picture else "attachment"
    headers = {
        "Content-Disposition": f"{kind}; filename*=UTF-8''{quote(file.name, safe='')}",
        "Cache-Control": f"private, max-age={CACHED_SECONDS}, immutable",
    }
    return Response(data, 200, headers, file.mimetype if file.is_picture else MEDIA_TYPE)


async def _read(request: Request, limit: int) -> bytes:
    """Return a body; raises TooBig over `limit` bytes, ConnectionError when it breaks off."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise TooBig
    except ClientDisconnect as error:
        raise ConnectionError("the page broke off") from error
    return bytes(data)
