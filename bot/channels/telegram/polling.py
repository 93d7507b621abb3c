"""Long polling which confirms an update only after it was handled.

Bot API: calling getUpdates with an offset confirms every update below it. So the offset here is the lowest
update in hand, never simply the highest seen plus one; updates above it may come again and are known.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from telegram.error import TelegramError

from bot.channel import Receive
from bot.channels.telegram.api import BATCH, Api, Json
from bot.channels.telegram.patience import Patience
from bot.channels.telegram.trouble import Trouble
from bot.edits import with_newest_text
from bot.log import describe
from handlers.dialogue.message import Incoming

WAIT_SECONDS = 30
"""How long Telegram holds a getUpdates call when there is nothing new."""

WORKERS = 32
"""How many people's updates are handled at the same time."""

LOW_WATER = BATCH // 2
"""With a full batch, the next is fetched when so many of it are left: the workers never run dry."""

SLOW_SECONDS = 0.25
"""How long the updates in hand may hold up fetching the next."""

log = logging.getLogger(__name__)

Lane = deque[tuple[int, Incoming]]


class Poller:
    """Fetches updates with `api`, translates each with `take` and hands it to `receive`.

    One person's updates in one chat are handled in their order, different people's side by side.
    """

    def __init__(self, api: Api, take: Callable[[Json], Incoming | None], receive: Receive) -> None:
        self._api = api
        self._take = take
        self._receive = receive
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._ready: asyncio.Queue[Lane | None] = asyncio.Queue()
        self._in_hand: set[int] = set()
        self._done: set[int] = set()
        self._top = -1
        self._low_water = 0
        self._settled = asyncio.Event()
        self._stopping = asyncio.Event()
        self._confirms = True
        self._patience = Patience()
        self._trouble = Trouble("fetching messages from Telegram")

    async def run(self) -> None:
        """Fetch and hand over until `stop`."""
        workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        fetching = asyncio.create_task(self._fetch_for_ever())
        await self._stopping.wait()
        fetching.cancel()
        with suppress(asyncio.CancelledError):
            await fetching
        self._let_workers_go()
        await asyncio.gather(*workers)
        if self._confirms:
            await self._confirm()

    def stop(self, *, confirm: bool = True) -> None:
        """Make `run` return once the updates being handled are done; the others will come again.

        `confirm` false: without telling Telegram which are done, as somebody else fetches them by now.
        """
        self._confirms = confirm
        self._stopping.set()

    @property
    def offset(self) -> int:
        """The lowest update that is not to be confirmed yet."""
        return min(self._in_hand) if self._in_hand else self._top + 1

    async def _fetch_for_ever(self) -> None:
        while True:
            offset, wait = self.offset, 0 if self._in_hand else WAIT_SECONDS
            try:
                updates = await self._api.fetch(offset, wait=wait)
                self._note(offset, updates)
            except Exception as error:  # noqa: BLE001 - the poller outlives whatever an answer holds
                await self._trouble.rest(error)
            else:
                self._trouble.over()
                await self._settle(full=len(updates) == BATCH)

    def _note(self, offset: int, updates: list[Json]) -> None:
        # By the offset that was asked for: more may have been done while the answer was on its way.
        self._done = {done for done in self._done if done >= offset}
        known = self._in_hand | self._done
        new = [update for update in updates if update["update_id"] not in known]
        taken = with_newest_text([self._take(update) for update in new])
        for update_id, incoming in zip((update["update_id"] for update in new), taken, strict=True):
            if incoming is None:
                self._done.add(update_id)
            else:
                self._queue(update_id, incoming)
        if updates:
            # Not the highest ever: Bot API: after a week of silence the next identifier is a random one.
            self._top = updates[-1]["update_id"]

    def _queue(self, update_id: int, incoming: Incoming) -> None:
        self._in_hand.add(update_id)
        person = (incoming.address, incoming.sender)
        lane = self._lanes.get(person)
        if lane is None:
            lane = self._lanes[person] = deque()
            self._ready.put_nowait(lane)
        lane.append((update_id, incoming))

    async def _settle(self, *, full: bool) -> None:
        # Fetching again before something is done would only bring the same updates.
        self._low_water = LOW_WATER if full else 0
        self._settled.clear()
        if len(self._in_hand) > self._low_water:
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._settled.wait()

    async def _work(self) -> None:
        while (lane := await self._ready.get()) is not None:
            update_id, incoming = lane[0]
            if not await self._handle(update_id, incoming):
                return
            lane.popleft()
            if lane:
                self._ready.put_nowait(lane)
            else:
                del self._lanes[incoming.address, incoming.sender]

    async def _handle(self, update_id: int, incoming: Incoming) -> bool:
        # Whether the update is done with: not when it must come again after a stop.
        while not self._stopping.is_set():
            try:
                await self._receive(incoming)
            except Exception as error:  # noqa: BLE001 - whatever it is, the update is tried again
                log.error("update %s could not be handled: %s", update_id, describe(error))  # noqa: TRY400 - its text may quote a message
                if await self._give_up(update_id, error):
                    break
            else:
                self._patience.worked(update_id)
                break
        else:
            return False
        self._finish(update_id)
        return True

    async def _give_up(self, update_id: int, error: Exception) -> bool:
        pause = self._patience.failed(update_id, error)
        if pause is None:
            log.error("update %s is skipped: it could not be handled after several tries", update_id)
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause)
        return False

    def _finish(self, update_id: int) -> None:
        self._in_hand.discard(update_id)
        self._done.add(update_id)
        if len(self._in_hand) <= self._low_water:
            self._settled.set()

    def _let_workers_go(self) -> None:
        while not self._ready.empty():
            self._ready.get_nowait()
        for _ in range(WORKERS):
            self._ready.put_nowait(None)

    async def _confirm(self) -> None:
        # Otherwise what was handled last would come once more at the next start.
        with suppress(TelegramError):
            await self._api.fetch(self.offset, wait=0, limit=1)
