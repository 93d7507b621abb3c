"""A channel that takes every message at once: what is left to measure is the program before it."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import event

from bot.app import telegram_pace
from bot.channel import Parcel, Receive
from bot.config import Settings
from bot.pacer import Pace
from storage.database import Session
from tests.bench.filling import CHANNEL

LOOK_SECONDS = 0.005


class Letterbox:
    """Keeps when which message came; `per_second` is how many may, paced as what goes to Telegram."""

    name = CHANNEL
    exclusive = True
    repeatable = False

    def __init__(self, per_second: int) -> None:
        """Begin with nothing taken."""
        settings = Settings(_env_file=None, telegram_per_second=per_second)  # type: ignore[call-arg]
        self.pace: Pace | None = telegram_pace(settings)
        self.taken: dict[int, float] = {}
        """When each message came, by its id (seconds of `time.perf_counter`), in order."""

    async def open(self) -> None:
        """Be ready always."""

    async def start(self, receive: Receive) -> None:
        """Hand in nothing."""

    async def stop(self) -> None:
        """Hand in nothing."""

    async def close(self) -> None:
        """Keep everything."""

    async def send(self, parcel: Parcel) -> str | None:
        """Take a message."""
        self.taken[parcel.id] = time.perf_counter()
        return str(parcel.id)

    async def has_taken(self, count: int) -> None:
        """Return once so many more messages have come."""
        enough = len(self.taken) + count
        while len(self.taken) < enough:  # noqa: ASYNC110 - nothing is to be done for each message
            await asyncio.sleep(LOOK_SECONDS)


def when_committed(session: Session, note: Callable[[], None]) -> None:
    """Call `note` as soon as a session's transaction is committed, in the thread which commits it."""
    event.listen(session, "after_commit", lambda _: note(), once=True)
