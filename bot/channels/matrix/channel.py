"""The Matrix channel: reads what happens in the bot's rooms, and sends messages, encrypted where the room is.

Only the process that holds the channel's lease reads and sends: the device and its keys are on its machine.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.channel import Again, Gone, Moved, Parcel, Receive
from bot.channels.matrix import CHANNEL
from bot.channels.matrix.client import Client
from bot.channels.matrix.comings import Comings, Permits
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.errors import Busy, MatrixError, SetupError, classify
from bot.channels.matrix.listening import Listener
from bot.channels.matrix.pace import REACTIONS_FROM
from bot.channels.matrix.render import Content, message_content
from bot.channels.matrix.session import Account, Generation
from bot.channels.matrix.syncing import Syncing
from bot.files import Files
from bot.leases import Leases
from bot.log import describe
from bot.pacer import Pace

SETUP_SECONDS = 60.0
"""How long to wait before what only a person can mend is tried once more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MatrixSetup:
    """What the channel needs to know.

    `account` says how to log in, `folder` where the device is kept; `generation` tells the device's number
    and keeps a new one; `permits` is what the store knows of rooms with others; `pace` is how fast the
    homeserver lets the bot send; `files` gives the messages' files.
    """

    account: Account
    folder: Path
    generation: Callable[[], Awaitable[Generation]]
    permits: Permits
    pace: Pace
    files: Files


class MatrixChannel:
    """One bot on Matrix; see `Channel` for what its methods promise. `now` tells the aware UTC time."""

    name = CHANNEL
    exclusive = True
    repeatable = True

    def __init__(self, setup: MatrixSetup, leases: Leases, now: Callable[[], datetime]) -> None:
        self.pace: Pace | None = setup.pace
        self._setup = setup
        self._leases = leases
        self._now = now
        self._listener: Listener | None = None
        self._syncing: Syncing | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = False

    async def open(self) -> None:
        """Be ready once this process reads: without that there are no keys to write with."""

    async def start(self, receive: Receive) -> None:
        """Begin in the background: a homeserver that cannot be reached does not hold up anything else."""
        self._running = asyncio.create_task(self._run(receive), name="matrix")

    async def stop(self) -> None:
        """Stop reading and return once what is in hand is handled; sending still works."""
        self._stopping = True
        if self._syncing is not None:
            self._syncing.stop()
        elif self._running is not None:
            self._running.cancel()
        if self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        """Let go of the connections and the device; nothing is sent after this."""
        await self._let_go()

    async def send(self, parcel: Parcel) -> str | None:
        """Send one message and return the id of the event that shows it; raises a `SendError`."""
        listener = self._listener
        if listener is None or not listener.client.is_open:
            raise Again("the device on Matrix is not open yet", everyone=True)
        message, room_id = parcel.message, parcel.address
        try:
            if room_id.startswith("@"):  # somebody with whom there is no chat yet, by their user id
                raise Moved(await self._open_direct(listener, room_id))
            if (await listener.rooms.get(room_id)).deserted:
                raise Gone("nobody but the bot is in the room")
            content = message_content(message, await self._upload(listener.client, parcel))
            with listener.courtesy.giving_way():
                event_id = await listener.client.send(room_id, "m.room.message", content, str(parcel.id))
        except MatrixError as error:
            failure = classify(error)
            if isinstance(failure, Gone):
                await listener.comings.give_up(room_id)
            raise failure from error
        shown = message.replaces or event_id
        listener.courtesy.end(room_id)
        listener.courtesy.offer(parcel.id, room_id, shown, message)
        return shown

    async def _open_direct(self, listener: Listener, user_id: str) -> str:
        """Return a direct chat with somebody; the limit on new chats is not one on messages to others."""
        try:
            return await listener.rooms.open_direct(user_id)
        except Busy as error:
            raise Again(str(error), after=error.after) from error

    async def _upload(self, client: Client, parcel: Parcel) -> Content | None:
        """Return where a message's file lies with the homeserver: once encrypted, once plain, for all."""
        file, room_id = parcel.message.file, parcel.address
        if file is None:
            return None
        place = f"{CHANNEL} encrypted" if await client.writer.is_encrypted(room_id) else CHANNEL

        async def upload(data: bytes) -> Content:
            return await client.upload(room_id, data, file.mimetype)

        return await self._setup.files.copied(file, place, upload)

    async def _run(self, receive: Receive) -> None:
        """Read for as long as this process is the one that does."""
        while not self._stopping:
            await self._leases.wait_until(CHANNEL, held=True)
            try:
                await self._read(receive)
            except SetupError as error:
                log.error("Matrix does not work: %s", error)  # noqa: TRY400 - the sentence says what to do
                await self._let_go()
                await asyncio.sleep(SETUP_SECONDS)

    async def _read(self, receive: Receive) -> None:
        """Open the device and read until the lease is lost or the channel stops."""
        client = Client(self._setup.account, self._setup.folder, await self._setup.generation())
        comings = Comings(client, self._setup.permits, receive, self._now)
        courtesy = Courtesy(client, reacts=self._setup.pace.per_second >= REACTIONS_FROM)
        listener = self._listener = Listener(comings, courtesy, receive, self._now)
        syncing = self._syncing = Syncing(client)
        await comings.load()
        if self._stopping:
            return
        reading = asyncio.create_task(syncing.run(listener.take))
        looking = asyncio.create_task(_once(syncing.ready, comings.look_round))
        lost = asyncio.create_task(self._leases.wait_until(CHANNEL, held=False))
        await asyncio.wait({reading, lost}, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        looking.cancel()
        syncing.stop()
        try:
            await reading
        finally:
            self._syncing = None
        if not self._stopping:
            await self._let_go()

    async def _let_go(self) -> None:
        """Close the device; another process may open its own."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.courtesy.stop()
            await listener.client.close()


async def _once(ready: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do something once the homeserver answers; what goes wrong is done at the next start."""
    await ready.wait()
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - the store may just be away; reading goes on
        log.warning("the rooms with others were not looked at: %s", describe(error))
