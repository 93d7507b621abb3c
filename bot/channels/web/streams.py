"""The open event streams: what a page is told without asking, and what it missed while away.

The store's delivery rows are the mailbox. A stream reads what lies in it after the last id that its page
has, and what may have come in later although its id is lower: some of that the page has, and leaves out.
Sending a message only wakes the streams, so that nothing is lost or doubled in between.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.channels.web.nodes import nodes_of
from bot.log import describe
from handlers.dialogue.message import FileRef, Outgoing

log = logging.getLogger(__name__)

BATCH: Final = 200
"""How many letters the mailbox gives at most at a time."""

ALIVE_SECONDS: Final = 15.0
"""How often a silent stream shows that it lives; then it also looks for letters of other processes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in a person's mailbox: the delivery's id, when it was said, and what."""

    id: int
    at: datetime
    message: Outgoing


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Reads the letters of an address, in the order of ids.

    `after` returns those with an id above a given one, at most `BATCH` of them. `late` takes the id of a
    letter and another id; it returns those with at most the other id that may have come after that letter.
    """

    after: Callable[[str, int], Awaitable[Sequence[Letter]]]
    late: Callable[[str, int, int], Awaitable[Sequence[Letter]]]


class Streams:
    """All open streams, by address: few per person, and not more in all than memory allows."""

    PER_PERSON: Final = 5
    IN_ALL: Final = 2_000

    def __init__(self) -> None:
        self._open: dict[str, list[Stream]] = {}
        self._count = 0

    def is_full(self) -> bool:
        """Return whether no further stream can be opened."""
        return self._count >= self.IN_ALL

    def wake(self, address: str, letter_id: int) -> None:
        """Wake a person's streams, because this letter is in the mailbox."""
        for stream in self._open.get(address, ()):
            stream.wake(letter_id)

    def wake_all(self) -> None:
        """Let every stream look into its mailbox: signals may have been missed."""
        for streams in self._open.values():
            for stream in streams:
                stream.look()

    def end_all(self) -> None:
        """End every stream; the pages will come back."""
        for streams in self._open.values():
            for stream in streams:
                stream.end()

    def add(self, stream: "Stream") -> None:
        """Count a stream in. Of too many of one person the oldest ends: it is often a dead one."""
        streams = self._open.setdefault(stream.address, [])
        streams.append(stream)
        self._count += 1
        if len(streams) > self.PER_PERSON:
            oldest = streams[0]
            self.remove(oldest)
            oldest.end("full")

    def remove(self, stream: "Stream") -> None:
        """Count a stream out."""
        streams = self._open.get(stream.address, [])
        with suppress(ValueError):
            streams.remove(stream)
            self._count -= 1
        if not streams:
            self._open.pop(stream.address, None)


class Stream(Response):
    """One page's stream of server-sent events: first what it missed, then what comes."""

    media_type = "text/event-stream"

    def __init__(self, mailbox: Mailbox, streams: Streams, address: str, after: int) -> None:
        """Take whose letters to send, the id of the last one that the page has, and where to be counted."""
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.address = address
        self._mailbox = mailbox
        self._streams = streams
        self._first = self._last = after
        self._sent = set[int]()
        self._late: deque[int] = deque(maxlen=BATCH)
        self._seeks_late = True
        self._awake = asyncio.Event()
        self._farewell: str | None = None

    def wake(self, letter_id: int) -> None:
        """Let the stream read the mailbox, because this letter is in it."""
        if letter_id <= self._last and letter_id not in self._sent:
            self._late.append(letter_id)
        self._awake.set()

    def look(self) -> None:
        """Let the stream read the mailbox: whatever may have come."""
        self._seeks_late = True
        self._awake.set()

    def end(self, farewell: str = "") -> None:
        """Finish the stream soon; `farewell` is an event for the page ("full": do not come back)."""
        self._farewell = farewell
        self._awake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the page goes away, the server stops or the mailbox fails."""
        del scope
        watcher = asyncio.create_task(self._watch(receive))
        self._streams.add(self)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send_letters(send)
            await _write(send, "event: ready\ndata: \n\n")
            while self._farewell is None:
                await self._wait(send)
                await self._send_letters(send)
            if self._farewell:
                await _write(send, f"event: {self._farewell}\ndata: \n\n")
        except Exception as error:  # noqa: BLE001 - any failure of the bot ends here
            log.error("an event stream ended: %s", describe(error))  # noqa: TRY400 - its text may quote a message
        finally:
            self._streams.remove(self)
            watcher.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()

    async def _wait(self, send: Send) -> None:
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                await self._awake.wait()
        except TimeoutError:
            await _write(send, ": alive\n\n")
        self._awake.clear()

    async def _send_letters(self, send: Send) -> None:
        for letter in await self._find_late():
            if letter.id not in self._sent:
                await self._send(send, letter)
        while self._farewell is None:
            letters = await self._mailbox.after(self.address, self._last)
            for letter in letters:
                await self._send(send, letter)
                self._last = letter.id
            if len(letters) < BATCH:
                return

    async def _find_late(self) -> list[Letter]:
        """Return the letters which lie in the mailbox below the last one that was read, and may be news."""
        found = list[Letter]()
        if self._seeks_late:
            self._seeks_late = False
            found += await self._mailbox.late(self.address, self._first, self._last)
        while self._late:
            late = self._late.popleft()
            letters = await self._mailbox.after(self.address, late - 1)
            found += [letter for letter in letters[:1] if letter.id == late]
        return found

    async def _send(self, send: Send, letter: Letter) -> None:
        self._sent.add(letter.id)
        data = json.dumps(event_of(letter), ensure_ascii=False, separators=(",", ":"))
        await _write(send, f"id: {letter.id}\ndata: {data}\n\n")


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def event_of(letter: Letter) -> dict[str, Any]:
    """Return a letter as the page gets it."""
    message = letter.message
    return {
        "id": str(letter.id),
        "replaces": message.replaces,
        "at": letter.at.isoformat(),
        "nodes": nodes_of(message.text),
        "options": [{"label": option.label, "value": option.value} for option in message.options],
        "file": _file_of(message.file) if message.file is not None else None,
        "takes_file": message.takes_file,
    }


def _file_of(file: FileRef) -> dict[str, Any]:
    """Return a file as the page shows it: inline when it is a picture, else as a link."""
    return {
        "url": f"/files/{file.token}",
        "name": file.name,
        "size": file.size,
        "picture": file.is_picture,
        "width": file.width,
        "height": file.height,
    }
