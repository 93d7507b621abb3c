"""The loop that reads: it ends only when locked out, and forgets nothing before it was handled."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from bot.channels.matrix.batch import Handler
from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import Busy, Json, Refused, SetupError, Unreachable
from bot.channels.matrix.reading import Reader
from bot.channels.matrix.upkeep import Upkeep
from bot.log import describe

TIMELINE = 50

IN_VAIN = 3
"""After so many syncs in a row that brought nothing the next are rarer. The bot's own messages come as well:
during an announcement each would cost the homeserver a sync, which is as dear as the message."""

REFUSALS = 3
"""A homeserver that has refused a sync so often does not know the sync token, having lost it, say."""

_NOTHING = {"not_types": ["*"]}

FILTER = json.dumps(
    {
        "presence": _NOTHING,
        "account_data": _NOTHING,
        "room": {
            "account_data": _NOTHING,
            "ephemeral": _NOTHING,
            "state": {"lazy_load_members": True},
            "timeline": {"limit": TIMELINE, "lazy_load_members": True},
        },
    }
)

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tempo:
    """How long things take, in seconds: see each name."""

    sync: float = 30.0
    """How long the homeserver may hold a sync when nothing happens."""
    answer: float = 30.0
    """How long its answer may take beyond that."""
    rarely: float = 0.25
    """How far apart syncs begin while they bring nothing."""
    first_pause: float = 1.0
    longest_pause: float = 60.0
    unreadable_after: float = 60.0
    """How long an event waits for its key before it is reported."""


class Syncing:
    """Reads with `client`, which it opens, and hands what happens to a handler."""

    def __init__(self, client: Client, tempo: Tempo = Tempo()) -> None:
        self._client = client
        self._tempo = tempo
        self._reader = Reader(client.server, client.vault, client.writer, tempo.unreadable_after)
        self._upkeep = Upkeep(client.server, client.vault, client.generation)
        self._stopping = asyncio.Event()
        self._failures = self._in_vain = 0
        self.ready = asyncio.Event()
        """Set while the homeserver answers."""

    async def run(self, handler: Handler) -> None:
        """Read and hand over until `stop`; raises SetupError when only a person can mend what is wrong."""
        while not self._stopping.is_set():
            try:
                await self._turn(handler)
            except SetupError:
                raise
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever an answer holds or a handler does
                if not self._client.server.logged_out.is_set():
                    await self._rest(error)
            if self._client.server.logged_out.is_set():
                await self._log_in_again()

    def stop(self) -> None:
        """Make `run` return once what is in hand is handled."""
        self._stopping.set()

    async def _turn(self, handler: Handler) -> None:
        client, began = self._client, time.monotonic()
        await client.open()
        answer = await self._unless_interrupted(self._sync())
        if answer is None:
            return
        if not isinstance(answer.get("next_batch"), str):
            raise Unreachable("a sync was answered without a token")
        batch = await self._reader.read(answer, client.sync_token)
        try:
            if batch.items:
                await handler(batch.items)
        finally:
            await self._upkeep.run(answer)  # nobody waits for it
        await self._reader.settle(batch)
        self._in_vain = 0 if batch.items else self._in_vain + 1
        if batch.token == client.sync_token and not batch.items:
            await self._pause(self._tempo.first_pause if self.ready.is_set() else 0)
        elif self._in_vain > IN_VAIN:
            await self._pause(began + self._tempo.rarely - time.monotonic())
        client.sync_token = batch.token
        self._failures = 0
        self.ready.set()

    async def _sync(self) -> Json:
        wait = await self._wait()
        query = {"filter": FILTER, "timeout": str(int(wait * 1000))}
        if self._client.sync_token:
            query["since"] = self._client.sync_token
        try:
            return await self._client.server.call(
                "GET", "sync", query=query, seconds=wait + self._tempo.answer
            )
        except Refused as error:
            if error.status == HTTPStatus.BAD_REQUEST and self._failures >= REFUSALS:
                log.warning("the homeserver does not know the sync token any more: reading begins anew")
                self._client.sync_token = ""
            raise

    async def _wait(self) -> float:
        # The first answer is wanted at once, and a later one when an event has waited for long enough.
        if not self.ready.is_set():
            return 0
        due = await self._reader.next_unreadable()
        return self._tempo.sync if due is None else min(self._tempo.sync, max(due, 0.1))

    async def _log_in_again(self) -> None:
        self.ready.clear()
        log.warning("the homeserver has logged the bot out")
        if self._failures:
            await self._pause(self._length())
        self._failures += 1
        try:
            await self._client.reopen()
        except SetupError:
            raise
        except Exception as error:  # noqa: BLE001 - it is tried again
            await self._rest(error)

    async def _rest(self, error: Exception) -> None:
        self.ready.clear()
        self._failures += 1
        pause = error.after if isinstance(error, Busy) else self._length()
        log.warning("reading from the homeserver failed, again in %.1f s: %s", pause, describe(error))
        await self._pause(pause)

    def _length(self) -> float:
        longest = min(self._tempo.longest_pause, self._tempo.first_pause * 2.0 ** min(self._failures - 1, 20))
        return longest * random.uniform(0.75, 1)  # noqa: S311 - nothing secret

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _unless_interrupted(self, work: Coroutine[Any, Any, T]) -> T | None:
        # The outcome of some work; None when it was given up to stop or to log in again.
        task = asyncio.ensure_future(work)
        events = (self._stopping, self._client.server.logged_out)
        interruptions = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait({task, *interruptions}, return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            for one in (task, *interruptions):
                one.cancel()
