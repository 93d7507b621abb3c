"""Updates posted to webhooks: to one address, to several as by a load balancer, or to all of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import aiohttp

Json = dict[str, Any]

REPEAT_SECONDS = 0.02
"""How soon a refused post is repeated; Telegram waits longer."""

ANSWER_SECONDS = 30.0
"""How long an address may take to answer before it counts as failed."""


class PostMode(StrEnum):
    """Who gets an update: `any` address, in turn, the next when one fails; or `every` address at once."""

    ANY = "any"
    EVERY = "every"


class Poster:
    """Posts updates until an address answers 2xx: one chat's one by one, different chats' side by side.

    `taken` is called whenever an update goes out, `done` once it is confirmed.
    """

    def __init__(self, taken: Callable[[Json], None], done: Callable[[Json], None]) -> None:
        self.webhook: Json = {}
        self.addresses: Sequence[str] = ()
        """Where updates go, whatever address the webhook has; none: to the webhook's own."""
        self.mode = PostMode.ANY
        self.posted: list[tuple[int, int]] = []
        """The answers: update id and HTTP status."""
        self._report_taken, self._report_done = taken, done
        self._lanes: dict[int, deque[Json]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(40)
        self._turn = 0

    def set_webhook(self, webhook: Json) -> None:
        """Post to `webhook` (the parameters of setWebhook) from now on; empty: not at all."""
        self.webhook = webhook
        self._slots = asyncio.Semaphore(int(webhook.get("max_connections", 40)))

    def post(self, update: Json) -> None:
        """Post an update, after those of its chat that wait; one that waits already is not added."""
        chat = chat_of(update)
        lane = self._lanes.get(chat)
        if lane is None:
            self._lanes[chat] = deque([update])
            self._spawn(self._post_lane(chat))
        elif update not in lane:
            lane.append(update)

    async def close(self) -> None:
        """Stop posting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _spawn(self, posting: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(posting)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _post_lane(self, chat: int) -> None:
        lane = self._lanes[chat]
        while lane:
            async with self._slots:
                while self.webhook and not await self._deliver(lane[0]):  # noqa: ASYNC110
                    await asyncio.sleep(REPEAT_SECONDS)
            lane.popleft()
        del self._lanes[chat]

    async def _deliver(self, update: Json) -> bool:
        # Whether it is confirmed.
        self._report_taken(update)
        addresses = self.addresses or [self.webhook["url"]]
        deliver = self._to_every if self.mode is PostMode.EVERY else self._to_any
        if not await deliver(update, addresses):
            return False
        self._report_done(update)
        return True

    async def _to_any(self, update: Json, addresses: Sequence[str]) -> bool:
        self._turn += 1
        turn = self._turn
        for step in range(len(addresses)):
            if await self._try(update, addresses[(turn + step) % len(addresses)]):
                return True
        return False

    async def _to_every(self, update: Json, addresses: Sequence[str]) -> bool:
        # Returns at the first 2xx; the other posts go on beside what comes next.
        tasks = [self._spawn(self._try(update, address)) for address in addresses]
        for first in asyncio.as_completed(tasks):
            if await first:
                return True
        return False

    async def _try(self, update: Json, address: str) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            )
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        try:
            async with self._session.post(address, json=update, headers=headers) as response:
                self.posted.append((update["update_id"], response.status))
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        return response.ok


def chat_of(update: Json) -> int:
    """Return the chat in which an update happened."""
    content = next(value for key, value in update.items() if key != "update_id")
    chat = content["chat"] if "chat" in content else content["message"]["chat"]
    return int(chat["id"])
