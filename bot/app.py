"""The composition root: the only file that knows every other; starts in order and stops in reverse."""

import asyncio
import hashlib
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import handlers
from bot import clock
from bot.channel import Channel, Never
from bot.channels.matrix import CHANNEL as MATRIX
from bot.channels.matrix.pace import pace as matrix_pace
from bot.channels.telegram.channel import UPDATES, TelegramChannel, TelegramSetup
from bot.channels.telegram.pace import pace
from bot.channels.telegram.webhook import Webhook
from bot.channels.web.channel import WebChannel, WebSetup
from bot.channels.web.streams import BATCH, Letter, Mailbox
from bot.clock import Clock
from bot.config import Settings
from bot.dispatch import Dispatcher, Handling
from bot.files import Files
from bot.leases import Leases
from bot.outbox import Outbox
from bot.pacer import Pace
from bot.server import Server, build_app
from bot.signals import LEASES, OUTBOX, Signals
from bot.store import Store
from handlers.dialogue.context import Site
from handlers.dialogue.message import FileRef, Outgoing
from handlers.dialogue.texts import LOCALES, texts_for
from handlers.profile import privacy
from handlers.questions.library import Library, load_knowledge
from storage import (
    announcements,
    claims,
    conversations,
    deliveries,
    devices,
    limits,
    lock,
    mailbox,
    migrate,
    people,
    rooms,
)
from storage.claims import Purpose
from storage.database import Database, Session
from storage.files import delete_unused_files

if TYPE_CHECKING:
    from bot.channels.matrix.channel import MatrixChannel
    from bot.channels.matrix.session import Account

log = logging.getLogger(__name__)

GRACE = 10.0
"""How long (seconds) what is in hand may take when the program ends."""


CLEANERS = (
    conversations.delete_old_receipts,
    limits.delete_old_limits,
    deliveries.delete_old_deliveries,
    delete_unused_files,
)


def utc_now() -> datetime:
    """Return the aware UTC time; tests give the program another."""
    return datetime.now(UTC)


def open_database(settings: Settings) -> Database:
    """Return the database, brought to the newest tables and filled with the shipped knowledge."""
    database = Database(settings.database_url)
    with lock.make_ready(database):
        migrate.upgrade(database)
        database.write(partial(load_knowledge, now=utc_now()))
    return database


class App:
    """Everything that runs in one process; `now` tells the aware UTC time."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = utc_now) -> None:
        """Wire the parts together; nothing runs before `start`."""
        self.settings = settings
        self._now = now
        self.store = Store(open_database(settings))
        self.leases = Leases(self.store, lease_names(settings), settings.lease_seconds, now)
        self.signals = Signals(self.store)
        site = Site(settings.zone, paces(settings))
        self.files = Files(self.store)
        self._library = Library()
        router = handlers.build_router(self._library)
        menus = {
            locale: router.menu(texts_for(locale, settings.zone), coordinates=False) for locale in LOCALES
        }
        web = WebChannel(
            WebSetup(
                mailbox=Mailbox(self._letters, self._late_letters),
                file_of=self._file_of,
                locale_of=self._locale_of,
                privacy=lambda locale: privacy(texts_for(locale, settings.zone)),
                zone=settings.zone,
                now=now,
                public_url=settings.public_url or None,
                signals=self.signals,
            )
        )
        telegram = build_telegram(settings, menus, self.files, now, self.leases)
        self.channels: list[Channel] = [web] if settings.does("web") else []
        routes = web.routes() if settings.does("web", "receive") else []
        if telegram is not None:
            self.channels.append(telegram)
            routes += telegram.routes() if settings.does("receive") else []
        if (matrix := build_matrix(settings, self.store, self.files, self.leases, now)) is not None:
            self.channels.append(matrix)
        sending = self.channels if settings.does("send") else []
        self.outbox = Outbox(self.store, sending, self.leases, now)
        self.clock = Clock(self.store, self.signals, self.leases, site, now)
        handling = Handling(self.store.database, router, site, self.outbox.birth)
        self.dispatcher = Dispatcher(self.store, handling, self.outbox, self.signals)
        self.signals.on(OUTBOX, lambda _: self.outbox.wake())
        self.signals.on(LEASES, lambda _: self.leases.wake())
        https = settings.public_url.startswith("https://")
        app = build_app(routes, self._is_healthy, not_found=web.not_found, https=https)
        self.server = Server(app, settings.web_host, settings.web_port)

    async def start(self) -> None:
        """Start everything; raises OSError when the web port cannot be had."""
        await self.store.read(self._library.current)  # the first question is not to wait for the index
        await self.server.start()
        await self.signals.start()
        await self.leases.start()
        await self.outbox.start()
        self.clock.start(handlers.DUTIES, announcements.get_next_due_at, CLEANERS)
        for channel in self.channels:
            if self.settings.does("receive"):
                await channel.start(self.dispatcher.receive)
            else:
                await channel.open()

    async def stop(self) -> None:
        """Stop taking messages, finish what is in hand, and let go of everything."""
        for channel in self.channels:
            await channel.stop()
        await self.clock.stop()
        await self.outbox.stop(GRACE)
        await self.leases.stop()
        self.signals.tell(LEASES)
        await self.signals.stop()
        for channel in self.channels:
            await channel.close()
        await self.server.stop(1.0)
        self.store.close()

    async def claim_code(self) -> str | None:
        """Return a fresh coordinator's code while there is no coordinator, else None."""

        def work(session: Session) -> str | None:
            if people.has_coordinator(session):
                return None
            return claims.add_claim(session, Purpose.COORDINATE, self._now())

        return await self.store.write(work)

    async def _letters(self, address: str, after: int) -> Sequence[Letter]:
        """Return a web chat's messages after an id."""
        work = partial(mailbox.list_mailbox, channel="web", address=address, after=after, limit=BATCH)
        return [_letter(row) for row in await self.store.read(work)]

    async def _late_letters(self, address: str, since: int, up_to: int) -> Sequence[Letter]:
        """Return a web chat's messages up to an id which may have come after another one."""
        work = partial(mailbox.list_late_letters, channel="web", address=address, since=since, up_to=up_to)
        return [_letter(row) for row in await self.store.read(work)]

    async def _file_of(self, address: str, token: str) -> tuple[FileRef, bytes] | None:
        """Return the file with a token, and its bytes, if a message to a web chat's address carries it."""
        work = partial(mailbox.get_file_ref, channel="web", address=address, token=token)
        found = await self.store.read(work)
        if found is None:
            return None
        file = FileRef(**found)
        with suppress(Never):  # it was deleted
            return file, await self.files.data(file)
        return None

    async def _locale_of(self, address: str) -> str | None:
        """Return the language that the person at a web chat's address speaks."""
        return await self.store.read(partial(people.get_locale_at, channel="web", address=address))

    async def _is_healthy(self) -> bool:
        """Return whether the store answers."""
        try:
            await asyncio.wait_for(self.store.ping(), GRACE)
        except Exception:  # noqa: BLE001 - whatever it is, the process is not healthy
            log.warning("the store does not answer")
            return False
        return True


def _letter(row: mailbox.Letter) -> Letter:
    """Return a letter of the store as the web chat shows it."""
    return Letter(row.id, row.created_at, Outgoing.from_json(dict(row.body)))


def lease_names(settings: Settings) -> list[str]:
    """Return the leases that this process asks for: each stands for a part that only one process may do."""
    telegram = settings.speaks_telegram
    names = {
        clock.NAME: settings.does("clock"),
        WebChannel.name: settings.does("web", "send"),
        TelegramChannel.name: telegram and settings.does("send"),
        UPDATES: telegram and settings.does("receive") and not settings.public_url,
        MATRIX: settings.speaks_matrix and settings.does("receive", "send"),
    }
    return [name for name, wanted in names.items() if wanted]


def build_telegram(
    settings: Settings,
    menus: dict[str, list[tuple[str, str]]],
    files: Files,
    now: Callable[[], datetime] = utc_now,
    leases: Leases | None = None,
) -> TelegramChannel | None:
    """Return the Telegram channel when a token is set: by webhook when there is a public address."""
    token = settings.telegram_token.get_secret_value()
    if not settings.speaks_telegram:
        return None
    webhook = None
    if settings.public_url:
        # Without a configured secret one is derived from the token: the same in every process, and unknown.
        secret = settings.telegram_webhook_secret.get_secret_value()
        secret = secret or hashlib.sha256(f"webhook {token}".encode()).hexdigest()
        webhook = Webhook(f"{settings.public_url}/telegram", secret)
    setup = TelegramSetup(token, settings.telegram_api_url, menus, files, webhook, telegram_pace(settings))
    return TelegramChannel(setup, now, leases)


def build_matrix(
    settings: Settings, store: Store, files: Files, leases: Leases, now: Callable[[], datetime] = utc_now
) -> "MatrixChannel | None":
    """Return the Matrix channel when a homeserver is set; raises SetupError when something is missing.

    Who reads also writes: the keys are on one machine. So a process does both there, or neither.
    """
    if not (settings.speaks_matrix and settings.does("receive", "send")):
        return None
    from bot.channels.matrix.channel import MatrixChannel, MatrixSetup  # noqa: PLC0415 - 25 MB
    from bot.channels.matrix.comings import Permits  # noqa: PLC0415 - see above
    from bot.channels.matrix.session import Generation  # noqa: PLC0415 - see above

    device = matrix_device(settings)

    async def keep(number: int) -> None:
        await store.write(partial(devices.set_generation, name=device, generation=number))

    async def generation() -> Generation:
        return Generation(await store.read(partial(devices.get_generation, name=device)), keep)

    async def may_invite(user_id: str) -> bool:
        return await store.read(partial(people.is_coordinator, channel=MATRIX, sender=user_id))

    async def shared() -> Sequence[str]:
        return await store.read(partial(rooms.list_room_addresses, channel=MATRIX))

    setup = MatrixSetup(
        account=matrix_account(settings),
        folder=settings.matrix_folder,
        generation=generation,
        permits=Permits(may_invite, shared),
        pace=matrix_pace(settings.matrix_per_second),
        files=files,
    )
    return MatrixChannel(setup, leases, now)


def matrix_account(settings: Settings) -> "Account":
    """Return how the bot logs in to Matrix; raises SetupError when something is missing."""
    from bot.channels.matrix.session import Account  # noqa: PLC0415 - 25 MB

    password = settings.matrix_password.get_secret_value()
    token = settings.matrix_access_token.get_secret_value()
    # Without a configured secret the keys on the disk are under the one that lets the bot in.
    key = settings.matrix_store_key.get_secret_value() or password or token
    reset = settings.matrix_reset_identity
    return Account(settings.matrix_homeserver, settings.matrix_user, password, token, key, reset)


def matrix_device(settings: Settings) -> str:
    """Return the name under which the store keeps the number of this machine's device on Matrix."""
    return f"{MATRIX} {socket.gethostname()} {settings.matrix_folder.resolve()}"


def telegram_pace(settings: Settings) -> Pace:
    """Return how fast Telegram lets the bot send: in all, to a private chat and to a group."""
    return pace(
        settings.telegram_per_second,
        settings.telegram_kept_for_answers,
        chat_seconds=settings.telegram_chat_seconds,
        group_per_minute=settings.telegram_group_per_minute,
    )


def paces(settings: Settings) -> dict[str, float]:
    """Return how many messages a second an announcement leaves with, by channel.

    Also of channels that this process does not serve, as another one may.
    """
    limits = {TelegramChannel.name: telegram_pace(settings), MATRIX: matrix_pace(settings.matrix_per_second)}
    return {channel: limit.pushes_per_second for channel, limit in limits.items()}
