"""The updates that wait for the bot: fetched by getUpdates or posted to its webhook."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.fake_telegram.entities import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

REPEAT_SECONDS = 0.02
"""How soon a refused post is repeated; Telegram waits longer."""

_DEFAULT_TYPES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Keeps updates until they are confirmed: by a higher offset, or by a webhook's 2xx."""

    def __init__(self) -> None:
        self.pending: deque[Json] = deque()
        self.webhook: Json = {}
        self.posted: list[tuple[int, int]] = []
        """The webhook's answers: update id and HTTP status."""
        self.allowed: frozenset[str] | None = None
        self.on_taken: Callable[[int], None] | None = None
        """Called with the chat's id when an update is first given to the bot."""
        self._last = self._taken_last = 1000
        self._news = asyncio.Event()
        self._poll = 0
        self._lanes: dict[int, deque[Json]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(40)

    def add(self, content: Json) -> int:
        """Queue an update of one kind ({"message": …}) and return its id."""
        self._last += 1
        if self._wanted(next(iter(content))):
            update = {"update_id": self._last, **content}
            self.pending.append(update)
            if self.webhook:
                self._post(update)
            self._news.set()
        return self._last

    def confirm(self, offset: int) -> None:
        """Forget the updates below `offset`."""
        while self.pending and self.pending[0]["update_id"] < offset:
            self.pending.popleft()

    async def fetch(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """Return up to `limit` updates from `offset` on, waiting for the first; confirms those before.

        A second call ends the first with 409, as Telegram does.
        """
        if self.webhook:
            raise Refused("Conflict: can't use getUpdates method while webhook is active", 409)
        self._poll += 1
        mine = self._poll
        self._news.set()
        self.confirm(offset)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.pending and mine == self._poll:
                    self._news.clear()
                    await self._news.wait()
        if mine != self._poll:
            raise Refused("Conflict: terminated by other getUpdates request", 409)
        batch = [self.pending[i] for i in range(min(limit, len(self.pending)))]
        for update in batch:
            self._taken(update)
        return batch

    def set_webhook(self, webhook: Json) -> None:
        """Post updates to `webhook` (the parameters of setWebhook) from now on; empty: to none."""
        self.webhook = webhook
        self._slots = asyncio.Semaphore(int(webhook.get("max_connections", 40)))
        for update in self.pending if webhook else ():
            if update not in self._lanes.get(_chat_of(update), ()):
                self._post(update)

    async def close(self) -> None:
        """Stop posting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _taken(self, update: Json) -> None:
        if self.on_taken is not None and update["update_id"] > self._taken_last:
            self._taken_last = update["update_id"]
            self.on_taken(_chat_of(update))

    def _wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in _DEFAULT_TYPES

    def _post(self, update: Json) -> None:
        # One chat's updates one by one, different chats' side by side, as a Bot API server does.
        chat = _chat_of(update)
        lane = self._lanes.get(chat)
        if lane is not None:
            lane.append(update)
            return
        self._lanes[chat] = deque([update])
        task = asyncio.create_task(self._post_lane(chat))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post_lane(self, chat: int) -> None:
        lane = self._lanes[chat]
        while lane:
            async with self._slots:
                while self.webhook and not await self._try(lane[0]):  # noqa: ASYNC110
                    await asyncio.sleep(REPEAT_SECONDS)
            lane.popleft()
        del self._lanes[chat]

    async def _try(self, update: Json) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._taken(update)
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        try:
            async with self._session.post(self.webhook["url"], json=update, headers=headers) as response:
                self.posted.append((update["update_id"], response.status))
        except aiohttp.ClientError:
            return False
        if response.ok:
            self.pending.remove(update)
        return response.ok


def _chat_of(update: Json) -> int:
    content = next(value for key, value in update.items() if key != "update_id")
    chat = content["chat"] if "chat" in content else content["message"]["chat"]
    return int(chat["id"])
