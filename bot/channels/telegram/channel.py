"""The Telegram channel: takes updates by long polling or webhook, and sends messages."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from starlette.routing import Route
from telegram import CallbackQuery, Update, User
from telegram.error import BadRequest, TelegramError

from bot.channel import Parcel, Receive
from bot.channels.telegram.api import ALLOWED_UPDATES, Api, Json
from bot.channels.telegram.errors import classify
from bot.channels.telegram.polling import Poller
from bot.channels.telegram.render import CAPTION_LIMIT, TEXT_LIMIT, Keyboard, keyboard, split
from bot.channels.telegram.saying import Sayer
from bot.channels.telegram.trouble import Trouble
from bot.channels.telegram.updates import CHANNEL, Itself, to_incoming
from bot.channels.telegram.webhook import Webhook, WebhookDoor
from bot.files import Files
from bot.leases import Leases
from bot.log import describe
from bot.pacer import Pace
from handlers.dialogue.message import Incoming, Outgoing

Menu = Sequence[tuple[str, str]]
"""Commands: name without slash, description."""

Menus = Mapping[str, Menu]
"""The menus by locale."""

DEFAULT_LOCALE = "pl"
"""Whose menu is shown to people of every language that has no menu of its own."""

WEBHOOK_CONNECTIONS = 40
"""How many updates Telegram may post at the same time (Bot API: 1-100)."""

REMEMBERED_PARCELS = 1000

MENU_SECONDS = 2.0
"""How long a chat's new menu may take: its message has arrived, and is to be recorded as such."""

UPDATES = f"{CHANNEL} updates"
"""The name of the lease under which updates are fetched."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TelegramSetup:
    """What the channel needs to know.

    `token` is @BotFather's, `api_url` the base address of the Bot API, `menus` the commands shown to
    everybody, `files` gives the messages' files, `webhook` where Telegram shall post updates (None: they are
    fetched by long polling) and `pace` how fast Telegram lets the bot send (None: no limit).
    """

    token: str = field(repr=False)
    api_url: str
    menus: Menus
    files: Files
    webhook: Webhook | None = None
    pace: Pace | None = None


class TelegramChannel:
    """One bot on Telegram; see `Channel` for what its methods promise.

    `now` tells the aware UTC time. Only the process that has the lease `UPDATES` fetches updates; `leases`
    None: this one does.
    """

    name = CHANNEL
    exclusive = True
    repeatable = False

    def __init__(
        self, setup: TelegramSetup, now: Callable[[], datetime], leases: Leases | None = None
    ) -> None:
        self.pace = setup.pace
        self._leases = leases
        self._api = Api(setup.token, setup.api_url)
        self._sayer = Sayer(self._api, setup.files)
        self._menus = setup.menus
        self._webhook = setup.webhook
        self._door = WebhookDoor(setup.webhook) if setup.webhook else None
        self._now = now
        self._itself: Itself | None = None
        self._running: asyncio.Task[None] | None = None
        self._poller: Poller | None = None
        self._stopping = False
        self._answers: set[asyncio.Task[None]] = set()
        self._sent_parts: OrderedDict[int, tuple[int, str]] = OrderedDict()

    def routes(self) -> list[Route]:
        """Return the routes for the HTTP server: the webhook's, or none."""
        return self._door.routes() if self._door else []

    async def open(self) -> None:
        """Open the connections; Telegram is not called."""
        await self._api.open()

    async def start(self, receive: Receive) -> None:
        """Begin in the background: a Telegram that cannot be reached does not hold up anything else."""
        await self.open()
        self._running = asyncio.create_task(self._run(receive), name="telegram")

    async def stop(self) -> None:
        """Stop taking updates and return once those in hand are handled; sending still works."""
        if self._door is not None:
            await self._door.close()
        self._stopping = True
        if self._poller is not None:
            self._poller.stop()
        elif self._running is not None:
            self._running.cancel()
        if self._running is not None:
            await asyncio.wait([self._running])
            self._running = None

    async def close(self) -> None:
        """Let go of the connections; nothing is sent after this."""
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await self._api.close_connections()

    async def check(self) -> str:
        """Return the bot's user name as Telegram knows it; raises a `SendError` when it does not answer."""
        try:
            await self._api.open()
            return _itself(await self._api.get_me()).username
        except TelegramError as error:
            raise classify(error) from error

    async def send(self, parcel: Parcel) -> str | None:
        """Send one message, in parts when it is long; return the id of the last part; raises a `SendError`.

        When a part fails after another was taken, the next `send` of the same parcel goes on where this one
        stopped. That is remembered in memory only: after a restart the first part is sent again, which is
        better than a text without its end.
        """
        try:
            message_id = await self._send_parts(parcel)
        except TelegramError as error:
            raise classify(error, group=parcel.address.startswith("-")) from error
        if parcel.message.menu:
            await self._show_chat_menu(parcel)
        return message_id

    async def _send_parts(self, parcel: Parcel) -> str:
        message, chat = parcel.message, parcel.address
        parts, buttons = _rendered(message)
        done, message_id = self._sent_parts.pop(parcel.id, (0, ""))
        for number, text in enumerate(parts[done:], start=done):
            under = buttons if number == len(parts) - 1 else []
            try:
                if number == 0 and message.replaces is not None:
                    message_id = await self._sayer.replace(parcel, message.replaces, text, under)
                elif number == 0:
                    message_id = await self._sayer.say(parcel, text, under)
                else:
                    message_id = await self._api.say(chat, text, under)
            except TelegramError:
                self._remember(parcel.id, number, message_id)
                raise
        return message_id

    def _remember(self, parcel_id: int, sent: int, last: str) -> None:
        if sent:
            self._sent_parts[parcel_id] = (sent, last)
            if len(self._sent_parts) > REMEMBERED_PARCELS:
                self._sent_parts.popitem(last=False)

    async def _show_chat_menu(self, parcel: Parcel) -> None:
        try:
            async with asyncio.timeout(MENU_SECONDS):
                await self._api.show_menu(parcel.message.menu, chat=parcel.address)
        except (TelegramError, TimeoutError) as error:
            # The message itself was sent: nothing to repeat for a menu.
            log.warning("the menu of a chat could not be set: %s", error)

    async def _show_menu(self, menu: Menu, locale: str) -> None:
        try:
            await self._api.show_menu(menu, language=None if locale == DEFAULT_LOCALE else locale)
        except BadRequest as error:
            # A bot with a poor menu is better than none.
            log.error("the menu for %s is not to Telegram's liking: %s", locale, error)  # noqa: TRY400

    async def _run(self, receive: Receive) -> None:
        trouble = Trouble("the start of the Telegram channel")
        while True:
            try:
                await self._prepare(receive)
                break
            except Exception as error:  # noqa: BLE001 - a channel that cannot start tries again
                await trouble.rest(error)
        trouble.over()
        while self._webhook is None and not self._stopping:
            await self._poll(receive)

    async def _poll(self, receive: Receive) -> None:
        """Fetch updates for as long as this process is the one that does."""
        if self._leases is None:
            self._poller = Poller(self._api, self._take, receive)
            await self._poller.run()
            return
        await self._leases.wait_until(UPDATES, held=True)
        self._poller = Poller(self._api, self._take, receive)
        polling = asyncio.create_task(self._poller.run())
        lost = asyncio.create_task(self._leases.wait_until(UPDATES, held=False))
        await asyncio.wait({polling, lost}, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        self._poller.stop(confirm=self._stopping)  # what another process fetches is confirmed by it
        await polling
        self._poller = None

    async def _prepare(self, receive: Receive) -> None:
        self._itself = _itself(await self._api.get_me())
        for locale, menu in self._menus.items():
            await self._show_menu(menu, locale)
        if self._webhook is None or self._door is None:
            # Bot API: getUpdates does not work while a webhook is set.
            await self._api.delete_webhook()
            return
        self._door.open(lambda update: self._handle(update, receive))
        await self._api.set_webhook(
            self._webhook.url,
            secret_token=self._webhook.secret,
            allowed_updates=ALLOWED_UPDATES,
            max_connections=WEBHOOK_CONNECTIONS,
        )

    async def _handle(self, raw: Json, receive: Receive) -> None:
        incoming = self._take(raw)
        if incoming is not None:
            await receive(incoming)

    def _take(self, raw: Json) -> Incoming | None:
        # None also for an update that cannot be understood: it would not be the next time either.
        if self._itself is None:
            return None
        try:
            update = Update.de_json(raw, self._api)
            if update.callback_query is not None:
                self._answer(update.callback_query)
            return to_incoming(update, self._itself, self._now(), self._api.download)
        except Exception as error:  # noqa: BLE001 - it would not be read the next time either
            log.error("update %s could not be read: %s", raw["update_id"], describe(error))  # noqa: TRY400 - its text may quote a message
            return None

    def _answer(self, query: CallbackQuery) -> None:
        # At once, for the button shows a waiting sign until then; the work does not wait for it.
        task = asyncio.create_task(self._answer_quietly(query.id))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer_quietly(self, query_id: str) -> None:
        try:
            await self._api.answer_callback_query(query_id)
        except TelegramError as error:
            log.debug("a press was not answered: %s", type(error).__name__)


@lru_cache(maxsize=64)
def _rendered(message: Outgoing) -> tuple[list[str], Keyboard]:
    """Return a message's parts and buttons; those of a broadcast are the same for thousands.

    A text that is too long for the caption of the message's file comes below it, in parts of its own.
    """
    parts = split(message.text, TEXT_LIMIT if message.file is None else CAPTION_LIMIT)
    if message.file is not None and len(parts) > 1:
        parts = ["", *split(message.text)]
    return parts, keyboard(message.options)


def _itself(user: User) -> Itself:
    return Itself(user.username or "", user.id)
