"""Posting: one message through a channel, at its pace, and what became of it."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from bot.channel import Again, Channel, Gone, Moved, Parcel, SendError, Unknown
from bot.log import describe
from bot.pacer import Pacer
from bot.store import Store
from handlers.dialogue.message import Outgoing
from storage import limits
from storage.conversations import set_address_moved
from storage.database import StoreUnavailable
from storage.deliveries import Due, Priority, State
from storage.outbox import Outcome

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
"""How often a message is tried; with the delays below that takes some four minutes."""

FIRST_DELAY, LONGEST_DELAY = 2.0, 1_800.0
"""Seconds before the second attempt, doubled from then on, and the longest such wait."""

LONGEST_OUTAGE_DELAY = 60.0
"""Seconds between two looks whether a platform that could not be reached can be reached again."""


class Posting:
    """Posts on one channel; `seconds` is how long one call may take, `now` tells the aware UTC time."""

    def __init__(self, channel: Channel, store: Store, seconds: float, now: Callable[[], datetime]) -> None:
        """Take what is sent through, and where pauses are kept."""
        self._channel = channel
        self._store = store
        self._seconds = seconds
        self._now = now
        self._outages = 0
        self.pacer = Pacer(channel.pace) if channel.pace is not None else None

    @property
    def in_trouble(self) -> bool:
        """Whether the platform took nothing the last time."""
        return self._outages > 0

    async def load_pauses(self) -> None:
        """Keep the pauses which the platform asked an earlier process for."""
        if self.pacer is None:
            return
        kept = await self._store.read(
            partial(limits.list_paused, prefix=self._pause_key(None), now=self._now())
        )
        for key, until in kept.items():
            address = key.removeprefix(self._pause_key(None)).removeprefix(":") or None
            self.pacer.pause((until - self._now()).total_seconds(), address)

    async def post(self, due: Due, may_leave: Callable[[Due], bool]) -> Outcome:
        """Send a message when its turn has come and return what became of it.

        It goes back when it is paused, or when it may not leave any more once its turn has come.
        """
        if self.pacer is not None and not await self._wait(self.pacer, due):
            return self.back(due, self.pacer.pause_left(due.address))
        if not may_leave(due):
            return self.back(due)
        return await self._send(due)

    def back(self, due: Due, seconds: float = 0.0) -> Outcome:
        """Return that a message has not left and is to be sent after so many seconds."""
        return Outcome(due, State.PENDING, due_at=self._now() + timedelta(seconds=seconds), left=False)

    def broken_off(self, due: Due) -> Outcome:
        """Return what becomes of a message in the middle of whose call the process ends."""
        if self._channel.repeatable:
            return self.back(due)
        return Outcome(due, State.UNKNOWN, reason="the process ended before there was an answer")

    async def _wait(self, pacer: Pacer, due: Due) -> bool:
        """Wait for a message's turn; return False when it is not to leave now.

        In a pause it is not kept here: what is pending in the store on account of that goes before it.
        """
        if pacer.pause_left(due.address) > 0:
            return False
        return await pacer.wait_turn(due.address, answer=due.priority is Priority.REPLY)

    async def _send(self, due: Due) -> Outcome:
        """Send one message and return what became of it."""
        try:
            parcel = Parcel(due.id, due.address, Outgoing.from_json(dict(due.body)))
            async with asyncio.timeout(self._seconds):
                ref = await self._channel.send(parcel)
        except SendError as error:
            return await self._failed(due, error)
        except TimeoutError:
            return await self._failed(due, Unknown(f"no answer in {self._seconds:.0f} seconds"))
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
            log.error("message %d broke the channel %s: %s", due.id, due.channel, describe(error))  # noqa: TRY400
            return Outcome(due, State.FAILED, reason=type(error).__name__)
        self._outages = 0
        return Outcome(due, State.SENT, platform_ref=ref)

    async def _failed(self, due: Due, error: SendError) -> Outcome:
        """Return what a failure makes of a delivery."""
        match error:
            case Moved():
                return await self._moved(due, error)
            case Again(everyone=True):
                return await self._outage(due, error)
            case Again():
                return await self._again(due, error)
            case Unknown() if self._channel.repeatable:
                return await self._failed(due, Again(str(error), everyone=error.everyone))
            case Unknown(everyone=True):
                await self._outage(due, Again(str(error)))
        return self._final(due, error)

    def _final(self, due: Due, error: SendError) -> Outcome:
        """Return what a failure makes of a delivery which is not tried again."""
        match error:
            case Gone():
                return Outcome(due, State.UNREACHABLE, reason=str(error))
            case Unknown():
                log.warning("whether message %d arrived on %s is not known: %s", due.id, due.channel, error)
                return Outcome(due, State.UNKNOWN, reason=str(error))
        log.warning("message %d cannot be sent on %s: %s", due.id, due.channel, error)
        return Outcome(due, State.FAILED, reason=str(error))

    async def _moved(self, due: Due, error: Moved) -> Outcome:
        """Let everything go on under the new address; two that point to each other come to an end."""
        if due.attempts + 1 >= MAX_ATTEMPTS:
            return Outcome(due, State.FAILED, reason=str(error))
        try:
            work = partial(set_address_moved, channel=due.channel, old=due.address, new=error.to)
            await self._store.write(work)
        except StoreUnavailable:  # it is tried once more, and says once more where the chat is now
            return Outcome(due, State.PENDING, due_at=self._now() + timedelta(seconds=FIRST_DELAY))
        return Outcome(due, State.PENDING, due_at=self._now())

    async def _outage(self, due: Due, error: Again) -> Outcome:
        """Let nothing leave for a while: the platform takes no message, which is no message's fault."""
        seconds = error.after
        if seconds is None:
            seconds = _backoff(self._outages, LONGEST_OUTAGE_DELAY)
        if self.pacer is None or not self.pacer.pause_left():
            self._outages += 1
            log.warning("%s takes no messages for %.0f seconds: %s", due.channel, seconds, error)
        outcome = self.back(due, seconds)  # before the pause ends, as below
        await self._pause(seconds, None, asked=error.after is not None)
        return outcome

    async def _again(self, due: Due, error: Again) -> Outcome:
        """Return when a message that was not taken is to be tried again, or that it was tried enough."""
        seconds = error.after if error.after is not None else _backoff(due.attempts, LONGEST_DELAY)
        # Before the pause ends, so that it goes before whatever is held up by that.
        due_at = self._now() + timedelta(seconds=seconds)
        await self._pause(seconds, due.address, asked=error.after is not None)
        if due.attempts + 1 >= MAX_ATTEMPTS:
            return Outcome(due, State.FAILED, reason=str(error))
        return Outcome(due, State.PENDING, reason=str(error), due_at=due_at)

    async def _pause(self, seconds: float, address: str | None, *, asked: bool) -> None:
        """Let nothing leave for so long; a wait that the platform asked for outlives this process."""
        if self.pacer is None:
            return
        self.pacer.pause(seconds, address, slower=asked and address is None)
        if asked:
            until = self._now() + timedelta(seconds=seconds)
            try:
                await self._store.write(partial(limits.set_paused, key=self._pause_key(address), until=until))
            except StoreUnavailable as error:
                log.warning("a pause on %s cannot be stored: %s", self._channel.name, error)

    def _pause_key(self, address: str | None) -> str:
        """Return the key under which the pause of an address, or of the whole channel, is stored."""
        return f"pause:{self._channel.name}" + (f":{address}" if address is not None else "")


def _backoff(attempts: int, longest: float) -> float:
    """Return how many seconds to wait after so many attempts: doubled each time, and spread a little."""
    return min(FIRST_DELAY * 2.0 ** min(attempts, 20), longest) * random.uniform(0.8, 1.2)  # noqa: S311
