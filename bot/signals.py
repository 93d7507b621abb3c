"""Signals between the parts of one process and, on PostgreSQL, between processes.

A signal is a topic and perhaps a text: "look into the store", never what is to be found there.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from bot.log import describe
from bot.store import Store
from storage.database import StoreUnavailable
from storage.signals import CHANNEL, add_signals

log = logging.getLogger(__name__)

Heard = Callable[[str], None]
"""Takes a signal's text."""

RETRY_SECONDS = 2.0

QUIET_SECONDS = 0.1
"""How long nothing must have come over the line before it is only watched."""

OUTBOX, CLOCK, LEASES = "outbox", "clock", "leases"
"""Topics: there is something to send; something falls due; a lease was given back."""


class Signals:
    """Carries signals to whoever listens for their topic."""

    def __init__(self, store: Store) -> None:
        """Take the store over which other processes are reached."""
        self._store = store
        self._sender = secrets.token_hex(4)
        self._listeners: dict[str, list[Heard]] = defaultdict(list)
        self._unsent: dict[str, None] = {}
        self._to_send = asyncio.Event()
        self._listens = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def on(self, topic: str, heard: Heard) -> None:
        """Call `heard` with the text of every signal of a topic, this process's own too."""
        self._listeners[topic].append(heard)

    def tell(self, topic: str, text: str = "") -> None:
        """Signal to this process at once and to the others soon."""
        self._hear(f"{topic} {text}")
        if not self._store.database.is_sqlite:
            self._unsent[f"{self._sender} {topic} {text}"] = None
            self._to_send.set()

    async def start(self) -> None:
        """Begin to hear other processes and to be heard by them; on SQLite there are none."""
        if self._store.database.is_sqlite:
            return
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send_for_ever())]
        with suppress(TimeoutError):  # it goes on trying
            await asyncio.wait_for(self._listens.wait(), RETRY_SECONDS)

    async def stop(self) -> None:
        """Say what was still to be said, and hear nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._send()

    def _hear(self, signal: str) -> None:
        """Tell the listeners of this process."""
        topic, _, text = signal.partition(" ")
        for heard in self._listeners.get(topic, ()):
            heard(text)

    async def _send_for_ever(self) -> None:
        """Tell the other processes, everything that has gathered at a time."""
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            await self._send()

    async def _send(self) -> None:
        """Tell the other processes what has gathered."""
        payloads, self._unsent = list(self._unsent), {}
        if not payloads:
            return
        try:
            await self._store.write(partial(add_signals, payloads=payloads))
        except StoreUnavailable as error:  # they will look by themselves
            log.warning("other processes cannot be told: %s", error)
        except Exception as error:  # noqa: BLE001 - the next signals are to be told
            log.error("other processes cannot be told: %s", describe(error))  # noqa: TRY400 - as elsewhere

    async def _listen(self) -> None:
        """Hear the other processes; whenever the line was cut, look at everything anew."""
        import psycopg  # noqa: PLC0415 - with SQLite the driver's memory is not spent

        url = self._store.database.url.set(drivername="postgresql")
        while True:
            try:
                line = await psycopg.AsyncConnection.connect(
                    url.render_as_string(hide_password=False), autocommit=True
                )
                async with line:
                    await line.execute(f"LISTEN {CHANNEL}")
                    self._listens.set()
                    for topic in list(self._listeners):
                        self._hear(topic)
                    while True:
                        async for signal in line.notifies(timeout=QUIET_SECONDS):
                            sender, _, told = signal.payload.partition(" ")
                            if sender != self._sender:
                                self._hear(told)
                        await _readable(line.fileno())  # psycopg's own way to wait looks ten times a second
            except psycopg.Error as error:
                log.warning("the line to other processes is cut: %s", type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)


async def _readable(fileno: int) -> None:
    """Return once there is something to read from a file, or it was closed."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fileno, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fileno)
