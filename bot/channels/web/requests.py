"""A message as the page posts it, read into an `Incoming`."""

import asyncio
import json
import re
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from handlers.dialogue.message import MAX_VALUE_BYTES, Incoming
from handlers.dialogue.texts import N_

MAX_BODY: Final = 256 * 1024
"""How many bytes a message may take on its way in."""

BODY_SECONDS: Final = 20.0
"""How long a message may be on its way in."""

_TOO_LONG: Final = N_("The message is too long. Please shorten it.")
UNREADABLE: Final = N_("The message could not be read. Please reload the page and try again.")
_REF = re.compile(r"[0-9]{1,18}")


class Refused(Exception):
    """A request that is not taken: the HTTP status and one sentence, an English message, for the person."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


async def read_incoming(request: Request, address: str, language: str, now: datetime) -> Incoming:
    """Return what the person at `address` wrote or pressed `now`; raises Refused when it cannot be read."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = json.loads(await _read_body(request))
        return _incoming(body, address, language, now)
    except (ClientDisconnect, KeyError, RecursionError, TypeError, ValueError) as error:
        raise Refused(400, UNREADABLE) from error
    except TimeoutError as error:
        raise Refused(408, UNREADABLE) from error


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(413, _TOO_LONG)
    return bytes(body)


def _incoming(body: dict[str, Any], address: str, language: str, now: datetime) -> Incoming:
    """Return the message; raises KeyError, TypeError or ValueError when the body has another shape."""
    event = uuid.UUID(_text(body["id"]))
    incoming = Incoming(
        channel="web",
        event_id=f"{address[:16]}:{event}",
        sender=address,
        address=address,
        received_at=now,
        language=language,
    )
    if "text" in body:
        return replace(incoming, text=_text(body["text"]))
    pressed = _text(body["pressed"])
    ref = body.get("ref")
    if len(pressed.encode()) > MAX_VALUE_BYTES or not (ref is None or _REF.fullmatch(ref)):
        raise ValueError("not an option that was offered")
    return replace(incoming, pressed=pressed, message_ref=ref)


def _text(value: Any) -> str:
    """Return a typed text without what no store can keep: lone surrogates and NUL."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    text = value.encode("utf-8", "replace").decode().replace("\0", "")
    if not text.strip():
        raise ValueError("an empty text")
    return text
