"""The outbox: sends what the store says is to be sent, and records what became of it.

Answers are born claimed by this process and leave at once, in order for each address. Everything else is
found in the store by one loop per channel, which claims 50, marks ten as leaving, sends them and goes on.
No transaction is open while something is being sent.
"""

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.channel import Again, Channel, Gone, Moved, Parcel, SendError, Unknown
from bot.log import describe
from bot.store import Store
from handlers.dialogue.message import Outgoing
from storage import deliveries, people
from storage.conversations import set_address_moved
from storage.database import Session, StoreUnavailable
from storage.deliveries import Due, Outcome, State

log = logging.getLogger(__name__)

CLAIMED_AT_ONCE = 50
LEAVING_AT_ONCE = 10
"""How many calls may be under way in a broadcast: so many outcomes at most are unknown after a crash."""

LONGEST_SLEEP = 30.0
"""How long (seconds) the loop of a channel waits at most before it looks into the store again."""

RECORD_AFTER = 0.02
"""How long (seconds) outcomes of answers are gathered before they are written together."""

FORSAKEN_AFTER = timedelta(minutes=5)
"""How long a message may be in hand before its process counts as dead."""

MAX_ATTEMPTS = 8
"""How often a message is tried; with the delays below that takes about an hour."""

FIRST_DELAY, LONGEST_DELAY = 2.0, 1_800.0
"""Seconds before the second attempt, doubled from then on, and the longest such wait."""


class Outbox:
    """The sender of one process for all of its channels.

    `now` returns the aware UTC time. `pauses` gives for a channel's name the seconds between two messages
    that nobody is waiting for; a channel without one has no pause.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        now: Callable[[], datetime],
        pauses: Mapping[str, float],
    ) -> None:
        """Take what is sent through; nothing runs before `start`."""
        self.owner = secrets.token_hex(8)
        self._store = store
        self._channels = {channel.name: channel for channel in channels}
        self._now = now
        self._pauses = pauses
        self._queues: dict[tuple[str, str], deque[Due]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._to_record = asyncio.Event()
        self._wakes = {name: asyncio.Event() for name in self._channels}
        self._loops: list[asyncio.Task[None]] = []
        self._recorder: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Give back what an earlier process left in hand and begin to send."""
        # Nobody else works on a SQLite file; on PostgreSQL other processes have work in hand that is fresh.
        forsaken = self._now() - (timedelta(0) if self._store.database.is_sqlite else FORSAKEN_AFTER)
        for name in self._channels:
            await self._release(name, None, forsaken)
            self._loops.append(asyncio.create_task(self._push(name), name=f"outbox {name}"))
        self._recorder = asyncio.create_task(self._record(), name="outbox record")

    async def stop(self, seconds: float) -> None:
        """Finish what is being sent, at most so many seconds; the rest is pending again."""
        self._stopping = True
        self.wake()
        tasks = {*self._loops, *self._sending}  # a batch which is marked as leaving must leave
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        tasks |= self._sending
        if self._recorder is not None:
            tasks.add(self._recorder)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._write_outcomes()
        for name in self._channels:
            await self._release(name, self.owner, self._now())

    def send_now(self, due: Iterable[Due]) -> None:
        """Send answers at once, those to one address one after another; and look for other work."""
        for one in due:
            place = (one.channel, one.address)
            if place in self._queues:
                self._queues[place].append(one)
                continue
            self._queues[place] = deque([one])
            self._spawn(self._drain(place))

    def wake(self) -> None:
        """Look into the store now: something was put there."""
        for event in self._wakes.values():
            event.set()

    async def _release(self, name: str, owner: str | None, claimed_by: datetime) -> None:
        """Give back what is in hand on a channel."""
        work = partial(deliveries.release_in_hand, channel=name, owner=owner, claimed_by=claimed_by)
        await self._store.write(work)

    def _spawn(self, sending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what sends beside everything else; `stop` waits for it."""
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _drain(self, place: tuple[str, str]) -> None:
        """Send the answers to one address in order."""
        queue = self._queues[place]
        try:
            while queue:
                self._note(await self._send(queue[0]))
                queue.popleft()
        finally:
            del self._queues[place]

    def _note(self, outcome: Outcome) -> None:
        """Keep an outcome until it is recorded with others."""
        self._outcomes.append(outcome)
        self._to_record.set()

    async def _record(self) -> None:
        """Write the outcomes of answers, a few at a time together."""
        while True:
            await self._to_record.wait()
            await asyncio.sleep(RECORD_AFTER)
            self._to_record.clear()
            if not await self._write_outcomes():
                await asyncio.sleep(FIRST_DELAY)

    async def _write_outcomes(self) -> bool:
        """Write the outcomes noted so far and return True; when the store refuses, they stay noted."""
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes:
            return True
        work = partial(_record_outcomes, outcomes=outcomes, owner=self.owner, now=self._now())
        try:
            await self._store.write(work)
        except asyncio.CancelledError:  # perhaps they were not written; writing them twice does no harm
            self._outcomes[:0] = outcomes
            raise
        except StoreUnavailable as error:
            log.warning("the outcomes of %d messages cannot be recorded yet: %s", len(outcomes), error)
            self._outcomes[:0] = outcomes
            self._to_record.set()
            return False
        if any(outcome.state is State.PENDING for outcome in outcomes):
            self.wake()
        return True

    async def _push(self, name: str) -> None:
        """Send what is pending on one channel until the process stops."""
        wake = self._wakes[name]
        while not self._stopping:
            wake.clear()
            try:
                due = await self._claim(name)
                await self._send_all(due)
                if len(due) < CLAIMED_AT_ONCE and not self._stopping:
                    await self._sleep(name, wake)
            except StoreUnavailable as error:
                log.warning("the store does not answer, sending on %s waits: %s", name, error)
                await asyncio.sleep(FIRST_DELAY)

    async def _claim(self, name: str) -> list[Due]:
        """Claim what is due on a channel."""
        work = partial(
            deliveries.claim_due, channel=name, owner=self.owner, now=self._now(), limit=CLAIMED_AT_ONCE
        )
        return await self._store.write(work)

    async def _sleep(self, name: str, wake: asyncio.Event) -> None:
        """Wait until something is due on a channel or is put there."""
        due_at = await self._store.read(partial(deliveries.get_next_due_at, channel=name))
        seconds = LONGEST_SLEEP if due_at is None else (due_at - self._now()).total_seconds()
        try:
            await asyncio.wait_for(wake.wait(), min(max(seconds, 0.0), LONGEST_SLEEP))
        except TimeoutError:
            return

    async def _send_all(self, due: Sequence[Due]) -> None:
        """Send claimed messages, a small batch at a time, each batch marked as leaving before it leaves."""
        for start in range(0, len(due), LEAVING_AT_ONCE):
            if self._stopping:
                return
            batch = due[start : start + LEAVING_AT_ONCE]
            ids = [one.id for one in batch]
            mine = await self._store.write(partial(deliveries.set_sending, ids=ids, owner=self.owner))
            tasks = []
            for one in batch:
                if one.id in mine:
                    tasks.append(self._spawn(self._send_noted(one)))
                    await asyncio.sleep(self._pauses.get(one.channel, 0.0))
            if tasks:
                await asyncio.wait(tasks)
            await self._write_outcomes()

    async def _send_noted(self, due: Due) -> None:
        """Send one message and keep what became of it until it is recorded."""
        self._note(await self._send(due))

    async def _send(self, due: Due) -> Outcome:
        """Send one message and return what became of it."""
        channel = self._channels[due.channel]
        try:
            ref = await channel.send(Parcel(due.id, due.address, Outgoing.from_json(dict(due.body))))
        except SendError as error:
            return await self._failed(due, error)
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
            log.error("message %d broke the channel %s: %s", due.id, due.channel, describe(error))  # noqa: TRY400
            return Outcome(due, State.FAILED, reason=type(error).__name__)
        return Outcome(due, State.SENT, platform_ref=ref)

    async def _failed(self, due: Due, error: SendError) -> Outcome:
        """Return what a failure makes of a delivery."""
        match error:
            case Moved():
                return await self._moved(due, error)
            case Again():
                return self._again(due, error)
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

    def _again(self, due: Due, error: Again) -> Outcome:
        """Return when a message that was not taken is to be tried again, or that it was tried enough."""
        if due.attempts + 1 >= MAX_ATTEMPTS:
            return Outcome(due, State.FAILED, reason=str(error))
        delay = error.after
        if delay is None:
            delay = min(FIRST_DELAY * 2.0**due.attempts, LONGEST_DELAY) * random.uniform(0.8, 1.2)  # noqa: S311
        return Outcome(due, State.PENDING, reason=str(error), due_at=self._now() + timedelta(seconds=delay))


def _record_outcomes(session: Session, outcomes: Sequence[Outcome], owner: str, now: datetime) -> None:
    """Record outcomes; an address that is closed gets nothing more until its person writes again."""
    deliveries.record_outcomes(session, outcomes, owner)
    for outcome in outcomes:
        if outcome.state is State.UNREACHABLE:
            people.set_accounts_closed(session, outcome.due.channel, outcome.due.address, now)
            deliveries.set_unreachable(session, outcome.due.channel, outcome.due.address)
