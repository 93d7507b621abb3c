"""The web chat as a channel, and its addresses on the server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.channel import Parcel, Receive
from bot.channels.web import files
from bot.channels.web.identity import Identities, Newcomers
from bot.channels.web.pages import Pages, language_asked
from bot.channels.web.requests import Refused, read_incoming
from bot.channels.web.streams import Mailbox, Stream, Streams
from bot.log import describe
from bot.pacer import Pace
from bot.signals import Signals
from handlers.dialogue.message import FileRef
from handlers.dialogue.texts import LOCALES, N_

log = logging.getLogger(__name__)

NEWCOMERS: Final = (120, 600.0)
"""How many new people may begin to write from one network in how many seconds: a full meeting room may."""

_FOREIGN: Final = N_("This request did not come from the page of the chat.")
_NO_COOKIE: Final = N_("Your browser did not send its cookie. Please allow cookies and reload the page.")
_CROWDED: Final = N_("Too many people began to write from your network. Please try again in ten minutes.")
_RESTARTING: Final = N_("The bot is just restarting. Please try again in a moment.")
_BROKEN: Final = N_("Something went wrong and nothing was saved. Please try again.")


@dataclass(frozen=True, slots=True)
class WebSetup:
    """What the web chat needs of the rest.

    `mailbox` reads a person's letters; `file_of` returns the file with a token that a letter to an address
    carries, None when none does. `locale_of` returns the language that the person at an address has chosen,
    None when there is none; `privacy` returns the privacy notice in a language; `now` tells the aware UTC
    time. `public_url` is the chat's public address, None when there is none but the one it is asked at.
    `signals` reaches the other processes in which a person may have a page open; None: there are none.
    """

    mailbox: Mailbox
    file_of: Callable[[str, str], Awaitable[tuple[FileRef, bytes] | None]]
    locale_of: Callable[[str], Awaitable[str | None]]
    privacy: Callable[[str], Markup]
    zone: ZoneInfo
    now: Callable[[], datetime]
    public_url: str | None = None
    signals: Signals | None = None


class WebChannel:
    """The page, its events and its messages; implements `bot.channel.Channel`."""

    name = "web"
    exclusive = False
    repeatable = True
    pace: Pace | None = None

    def __init__(self, setup: WebSetup) -> None:
        """Take what the chat needs; `routes` then go to the server."""
        self._setup = setup
        self._identities = Identities(setup.public_url)
        self._newcomers = Newcomers(*NEWCOMERS)
        self._pages = Pages(setup.zone)
        self._streams = Streams()
        self._receive: Receive | None = None
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        if setup.signals is not None:
            setup.signals.on(self.name, self._wake)

    def routes(self) -> list[Route]:
        """Return the chat's addresses."""
        return [
            Route("/", self._page),
            Route("/events", self._events),
            Route("/messages", self._messages, methods=["POST"]),
            Route("/files", self._messages, methods=["POST"]),
            Route("/files/{token}", self._sent_file),
            Route("/privacy", self._privacy),
            Route("/static/{name}", self._file),
        ]

    async def open(self) -> None:
        """Need nothing to send."""

    async def start(self, receive: Receive) -> None:
        """Begin to take messages."""
        self._receive = receive

    async def stop(self) -> None:
        """Take no more messages and return once those in hand are handled."""
        self._receive = None
        await self._idle.wait()

    async def close(self) -> None:
        """End the open streams."""
        self._streams.end_all()

    async def send(self, parcel: Parcel) -> str:
        """Wake the person's open pages; without one the message waits in the mailbox."""
        news = f"{parcel.address} {parcel.id}"
        if self._setup.signals is not None:
            self._setup.signals.tell(self.name, news)
        else:
            self._wake(news)
        return str(parcel.id)

    def _wake(self, news: str) -> None:
        """Wake the open pages of an address on account of a letter, or all of them."""
        address, _, letter = news.partition(" ")
        if letter.isdigit():
            self._streams.wake(address, int(letter))
        else:
            self._streams.wake_all()

    async def not_found(self, request: Request, error: Exception) -> Response:
        """Answer a request for a page that there is not."""
        del error
        locale = language_asked(request)
        text = self._pages.say(locale, N_("There is nothing at this address."))
        return self._pages.text(locale, N_("No such page"), Markup(text), 404)  # noqa: S704 - our own text

    async def _page(self, request: Request) -> Response:
        token, address = self._identities.welcome(request)
        response = self._pages.chat(await self._locale(request, address))
        self._identities.remember(request, response, token)
        return response

    async def _privacy(self, request: Request) -> Response:
        asked = request.query_params.get("lang")
        locale = asked if asked in LOCALES else await self._locale(request, self._identities.address(request))
        return self._pages.text(locale, N_("Privacy"), self._setup.privacy(locale))

    async def _file(self, request: Request) -> Response:
        return self._pages.file(request) or await self.not_found(request, LookupError())

    async def _sent_file(self, request: Request) -> Response:
        """Answer with a file which a message in the mailbox of whoever asks carries."""
        address, token = self._identities.address(request), request.path_params["token"]
        found = None
        if address is not None and files.is_token(token):
            found = await self._setup.file_of(address, token)
        return files.answer(*found) if found is not None else await self.not_found(request, LookupError())

    async def _events(self, request: Request) -> Response:
        address = self._identities.address(request)
        locale = await self._locale(request, address)
        if not self._identities.is_own(request):
            return self._pages.refusal(locale, _FOREIGN, 403)
        if address is None:
            return self._pages.refusal(locale, _NO_COOKIE, 403)
        if self._streams.is_full():
            return self._pages.refusal(locale, _RESTARTING, 503)
        after = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        last = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else 0  # noqa: PLR2004
        return Stream(self._setup.mailbox, self._streams, address, last)

    async def _messages(self, request: Request) -> Response:
        address = self._identities.address(request)
        locale = await self._locale(request, address)
        try:
            await self._take(request, address)
        except Refused as refused:
            return self._pages.refusal(locale, refused.sentence, refused.status)
        except Exception as error:  # noqa: BLE001 - any failure of the bot ends here
            log.error("a message from the web chat was not handled: %s", describe(error))  # noqa: TRY400 - its text may quote a message
            return self._pages.refusal(locale, _BROKEN, 500)
        return JSONResponse({"language": await self._locale(request, address)}, 202)

    async def _take(self, request: Request, address: str | None) -> None:
        """Hand one message to the bot; raises Refused with the sentence to answer with."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        is_file = request.url.path == "/files"
        expected = files.MEDIA_TYPE if is_file else "application/json"
        if kind != expected or not self._identities.is_own(request):
            raise Refused(403, _FOREIGN)
        if address is None:
            raise Refused(403, _NO_COOKIE)
        language, now = language_asked(request), self._setup.now()
        if is_file:
            incoming = files.to_incoming(request, address, language, now)
        else:
            incoming = await read_incoming(request, address, language, now)
        if not self._newcomers.admit(address, request.client.host if request.client else ""):
            raise Refused(429, _CROWDED)
        async with self._handling() as receive:
            await receive(incoming)

    @asynccontextmanager
    async def _handling(self) -> AsyncIterator[Receive]:
        """Lend the bot's ear for one message, for whose end `stop` waits."""
        if self._receive is None:
            raise Refused(503, _RESTARTING)
        self._in_hand += 1
        self._idle.clear()
        try:
            yield self._receive
        finally:
            self._in_hand -= 1
            if self._in_hand == 0:
                self._idle.set()

    async def _locale(self, request: Request, address: str | None) -> str:
        """Return the language to speak: the chosen one, else the one that the browser asks for."""
        chosen = None
        if address is not None:
            try:
                chosen = await self._setup.locale_of(address)
            except Exception as error:  # noqa: BLE001 - any failure of the bot ends here
                log.error("the language of a person could not be read: %s", describe(error))  # noqa: TRY400 - its text may quote a message
        return chosen if chosen in LOCALES else language_asked(request)
