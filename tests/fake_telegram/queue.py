"""The updates that wait for the bot: fetched by getUpdates or posted to its webhook."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.fake_telegram.entities import Refused
from tests.fake_telegram.posting import Poster, chat_of

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_DEFAULT_TYPES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Keeps updates until they are confirmed: by a higher offset, or by a webhook's 2xx."""

    def __init__(self) -> None:
        self.pending: deque[Json] = deque()
        self.poster = Poster(self._taken, self._done)
        self.allowed: frozenset[str] | None = None
        self.on_taken: Callable[[int], None] | None = None
        """Called with the chat's id when an update is first given to the bot."""
        self._last = self._taken_last = 1000
        self._news = asyncio.Event()
        self._poll = 0

    @property
    def posted(self) -> list[tuple[int, int]]:
        """The webhook's answers: update id and HTTP status."""
        return self.poster.posted

    def add(self, content: Json) -> int:
        """Queue an update of one kind ({"message": …}) and return its id."""
        self._last += 1
        if self._wanted(next(iter(content))):
            update = {"update_id": self._last, **content}
            self.pending.append(update)
            if self.poster.webhook:
                self.poster.post(update)
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
        if self.poster.webhook:
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
        self.poster.set_webhook(webhook)
        for update in self.pending if webhook else ():
            self.poster.post(update)

    async def close(self) -> None:
        """Stop posting."""
        await self.poster.close()

    def _taken(self, update: Json) -> None:
        if self.on_taken is not None and update["update_id"] > self._taken_last:
            self._taken_last = update["update_id"]
            self.on_taken(chat_of(update))

    def _done(self, update: Json) -> None:
        with suppress(ValueError):  # a call of getUpdates after deleteWebhook may have confirmed it
            self.pending.remove(update)

    def _wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in _DEFAULT_TYPES
