"""The sender of one channel: claims what is due there, lets it leave in order, records the outcomes.

It takes turns (`bot.turns`): each is one transaction in the store, and what it allows leaves then. Messages
to one address leave one after another. Only what is marked as sending may leave, and of pushes never more
than a few are: so many outcomes at most are unknown after a crash.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.channel import Channel
from bot.leases import Leases
from bot.log import describe
from bot.pacer import Pace
from bot.posting import Posting
from bot.store import Store
from bot.turns import CLAIMED_AT_ONCE, Taken, Turn, Turns
from storage.database import StoreUnavailable
from storage.deliveries import Birth, Due, Priority, State
from storage.leases import NO_FENCE, Term
from storage.outbox import Outcome

log = logging.getLogger(__name__)

MOST_IN_HAND = 500
"""How much is claimed at most, however little of it could leave at once."""

LEAVING_AT_ONCE = 10
"""How many pushes, and how many answers, may be under way: after a crash their outcome is unknown."""

LEAVING_SECONDS = 0.1
"""A bot that may send faster has so many seconds' worth under way, or the way itself would slow it down."""

CALL_PART = 0.6
"""How much of a lease's life a call may take: it must be over before another process may take the lease."""

LOOK_EVERY = 30.0
"""How long (seconds) the sender waits at most before it looks into the store again."""

RECORD_AFTER = 0.02
"""How long (seconds) outcomes are gathered before they are written together."""

RETRY_SECONDS = 2.0
"""How long to wait when the store does not answer."""

SHORT_SPAN = 1.0
"""So long (seconds) a leaving process waits at most, so that its successor begins with a full span."""

SHORTEST_REST = 0.05
"""Seconds between two looks when what is due cannot be claimed: another transaction is at it."""


@dataclass(slots=True)
class Lane:
    """What leaves to one address, one after another; `calling` while the first of it is on its way."""

    waiting: deque[Due]
    calling: bool = False
    task: asyncio.Task[None] | None = None


class Sender:
    """Sends on one channel; `now` tells the aware UTC time.

    What is pending is sent while this process holds the channel's lease. Answers leave from the process that
    gave them, if it holds the lease or the channel lets every process send.
    """

    def __init__(self, channel: Channel, store: Store, leases: Leases, now: Callable[[], datetime]) -> None:
        """Take what is sent through; nothing runs before `start`."""
        self._channel = channel
        self._store = store
        self._leases = leases
        self._now = now
        self._turns = Turns(channel, now)
        self._call_seconds = leases.life * CALL_PART
        self._posting = Posting(channel, store, self._call_seconds, now)
        self._most = _most_under_way(channel.pace)
        self._term: Term | None = None
        self._ready: deque[Due] = deque()
        self._answers: deque[Due] = deque()
        self._lanes: dict[str, Lane] = {}
        self._picked = frozenset[str]()  # the addresses of what a turn is just marking as leaving
        self._under_way = {True: 0, False: 0}  # answers, pushes
        self._outcomes: list[Outcome] = []
        self._look_at = self._record_at = 0.0
        self._after_run = 0
        self._urgent = self._anew = False
        self._woken = asyncio.Event()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None
        leases.on_change(self.wake)

    async def start(self) -> None:
        """Begin to send; answers are born in the hands of this process from now on, if it has the lease."""
        await self._take_office()
        self._loop = asyncio.create_task(self._run(), name=f"sender {self._channel.name}")

    async def stop(self, seconds: float) -> None:
        """Finish the calls under way, at most so many seconds; whatever has not left is pending again."""
        self._stopping = True
        self._woken.set()
        latest = time.monotonic() + seconds
        if self._loop is not None:
            await _finish([self._loop], seconds)  # its last turn may still let something leave
        waiting = [lane.task for lane in self._lanes.values() if lane.task is not None and not lane.calling]
        for task in waiting:
            task.cancel()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        await _finish(tasks, max(latest - time.monotonic(), 0.0))
        if self._posting.pacer is not None:  # the next one begins with a full second's worth
            await asyncio.sleep(min(self._posting.pacer.span_left(), SHORT_SPAN))
        tokens = [self._own_token, *([self._term.token] if self._term is not None else [])]
        try:
            await self._store.write(partial(self._turns.give_back, self._outcomes, tokens))
        except StoreUnavailable as error:
            log.warning("what is in hand on %s cannot be given back: %s", self._channel.name, error)

    def birth(self, address: str) -> Birth:
        """Return how an answer to an address is to be stored now; may be asked in any thread."""
        if not self._channel.exclusive:
            return Birth(State.SENDING, self._own_token)
        term = self._sure_term()
        if term is None or self._stopping or self._term is None or term.token != self._term.token:
            return Birth()
        free = self._under_way[True] < self._answers_at_once() and not self._answers
        free = free and address not in self._lanes and address not in self._picked
        return Birth(State.SENDING if free else State.CLAIMED, term.token)

    def send_now(self, due: Due) -> None:
        """Send an answer that was born in the hands of this process."""
        if due.state is State.SENDING:
            self._let_leave(due)
        else:
            self._answers.append(due)
            self._woken.set()

    def wake(self) -> None:
        """Look into the store now: something was put there, or a lease has changed hands."""
        self._look_at = 0.0
        self._urgent = True
        self._woken.set()

    @property
    def _own_token(self) -> str:
        """What marks the answers of this process where it needs no lease to send."""
        return Term(self._channel.name, self._leases.process, NO_FENCE).token

    def _sure_term(self) -> Term | None:
        """Return the term in which this process sends, if it lasts for the length of a call."""
        return self._leases.term(self._channel.name, self._call_seconds)

    def _is_ours(self, due: Due) -> bool:
        """Return whether a message is in the hands of this process still."""
        term = self._sure_term()
        if term is not None and due.owner == term.token:
            return True
        return not self._channel.exclusive and due.owner == self._own_token

    async def _run(self) -> None:
        """Take turns until the process stops."""
        while not self._stopping:
            self._woken.clear()
            try:
                await self._take_office()
                turn = self._next_turn()
                if turn is None:
                    await self._rest()
                else:
                    await self._take(turn)
            except StoreUnavailable as error:
                log.warning("the store does not answer, sending on %s waits: %s", self._channel.name, error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next turn may go well
                log.error("a turn of sending on %s broke: %s", self._channel.name, describe(error))  # noqa: TRY400
                await asyncio.sleep(RETRY_SECONDS)

    async def _take_office(self) -> None:
        """When a new term begins, give back what others had in hand and keep the pauses asked of them."""
        term = self._sure_term()
        if term is None or (self._term is not None and self._term.token == term.token):
            return
        await self._store.write(partial(self._turns.release_others, term=term))
        await self._posting.load_pauses()
        self._ready.clear()
        self._answers.clear()
        self._term = term
        self._look_at = 0.0

    def _next_turn(self) -> Turn | None:
        """Return what is to be done in the store now, if anything is."""
        sure = self._term is not None and self._sure_term() is not None
        moment = time.monotonic()
        leaving = self._pick_leaving() if sure else []
        claims = CLAIMED_AT_ONCE if sure and self._wants_more(moment) else 0
        urgent = sure and self._urgent
        if not (leaving or claims or urgent or (self._outcomes and moment >= self._record_at)):
            return None
        outcomes, self._outcomes = self._outcomes, []
        self._urgent = self._urgent and not urgent
        self._picked = frozenset(due.address for due in leaving)
        known = self._known(outcomes, leaving) if claims else frozenset[int]()
        return Turn(outcomes, leaving, claims, urgent, self._anew, known, self._after_run)

    def _known(self, outcomes: list[Outcome], leaving: list[Due]) -> frozenset[int]:
        """Return the ids of what is in hand."""
        lanes = (due for lane in self._lanes.values() for due in lane.waiting)
        recorded = (outcome.due for outcome in outcomes)
        return frozenset(due.id for due in (*self._ready, *self._answers, *leaving, *lanes, *recorded))

    def _wants_more(self, moment: float) -> bool:
        """Return whether it is time to claim: little is left in hand and nothing keeps it from leaving."""
        if self._posting.pacer is not None and (pause := self._posting.pacer.pause_left()):
            self._look_at = max(self._look_at, moment + pause)
        return self._has_little() and moment >= self._look_at

    def _has_little(self) -> bool:
        """Return whether little is in hand that could leave at once: one message for each free address."""
        in_hand = (*self._ready, *self._answers)
        free = {due.address for due in in_hand if due.address not in self._lanes}
        return len(free) < self._most and len(in_hand) < MOST_IN_HAND

    def _answers_at_once(self) -> int:
        """Return how many answers may be under way: where the platform is in trouble, one finds out."""
        return 1 if self._posting.in_trouble else LEAVING_AT_ONCE

    def _pushes_at_once(self) -> int:
        """Return how many pushes may be under way."""
        return 1 if self._posting.in_trouble else self._most

    def _pick_leaving(self) -> list[Due]:
        """Return what is to be marked as leaving: answers one by one, pushes half of all that may at once."""
        picked = _take(self._answers, self._answers_at_once() - self._under_way[True], set(self._lanes))
        if self._has_room():
            busy = {*self._lanes, *(due.address for due in (*picked, *self._answers))}
            picked += _take(self._ready, self._room(), busy)
        return picked

    def _has_room(self) -> bool:
        """Return whether it is worth while to let pushes leave: the rest, or half of all that may at once."""
        enough = max(min(len(self._ready), self._pushes_at_once() // 2), 1)
        return bool(self._ready) and self._room() >= enough

    def _room(self) -> int:
        """Return how many more pushes may be under way once the outcomes at hand are recorded."""
        arrived = sum(outcome.due.priority is not Priority.REPLY for outcome in self._outcomes)
        return self._pushes_at_once() - self._under_way[False] + arrived

    async def _rest(self) -> None:
        """Wait until something happens, outcomes are to be recorded or something is due."""
        moment = time.monotonic()
        times = [moment + LOOK_EVERY]
        if self._outcomes:
            times.append(self._record_at)
        if self._term is not None and self._sure_term() is None:
            times.append(moment + RETRY_SECONDS)
        elif self._term is not None and self._has_little():
            times.append(self._look_at)
        timer = asyncio.get_running_loop().call_later(max(min(times) - moment, 0.0), self._woken.set)
        await self._woken.wait()
        timer.cancel()

    async def _take(self, turn: Turn) -> None:
        """Take a turn; when the store breaks off, whatever it did, nothing is lost or left lying."""
        if turn.claims:
            self._look_at = time.monotonic() + LOOK_EVERY
        try:
            taken = await self._store.write(partial(self._turns.take, turn, self._term))
        except BaseException:
            self._outcomes[:0] = turn.outcomes  # writing them twice does no harm
            self._take_back(turn.leaving)
            raise
        finally:
            self._picked = frozenset()
        self._anew = False
        for outcome in turn.outcomes:
            self._under_way[outcome.due.priority is Priority.REPLY] -= 1
        for due in turn.leaving:
            if due.id in taken.allowed:
                self._let_leave(due)
        for due in taken.claimed:
            (self._answers if due.priority is Priority.REPLY else self._ready).append(due)
        if turn.claims:
            self._look_again(taken)
        if any(outcome.state is State.PENDING for outcome in turn.outcomes) or self._may_end_run(turn):
            self._look_at = 0.0

    def _take_back(self, leaving: list[Due]) -> None:
        """Begin anew after a turn of which it is not known what it did: it may have marked and claimed."""
        for due in leaving:
            self._under_way[due.priority is Priority.REPLY] += 1
            self._outcomes.append(self._posting.back(due))
        self._ready.clear()
        self._answers.clear()
        self._anew = True
        self._look_at = 0.0

    def _may_end_run(self, turn: Turn) -> bool:
        """Return whether a turn recorded the last of a run, after the look which found nothing more of it."""
        last = not (turn.claims or self._ready or self._under_way[False])
        return last and any(outcome.due.run_id is not None for outcome in turn.outcomes)

    def _look_again(self, taken: Taken) -> None:
        """Note when to look into the store next, and whose turn it is then."""
        runs = [due.run_id for due in taken.claimed if due.run_id is not None]
        if runs:
            self._after_run = runs[-1]
        if taken.claimed:
            self._look_at = 0.0
        elif taken.next_at is not None:
            wait = max((taken.next_at - self._now()).total_seconds(), SHORTEST_REST)
            self._look_at = min(self._look_at, time.monotonic() + wait)

    def _let_leave(self, due: Due) -> None:
        """Send a message which is marked as leaving, after what leaves to its address before it."""
        self._under_way[due.priority is Priority.REPLY] += 1
        lane = self._lanes.get(due.address)
        if lane is not None:
            lane.waiting.append(due)
            return
        lane = self._lanes[due.address] = Lane(deque([due]))
        lane.task = asyncio.create_task(self._drain(due.address, lane))

    async def _drain(self, address: str, lane: Lane) -> None:
        """Send what waits in a lane. When one has to wait, those after it wait as long: order is kept."""

        def leave(due: Due) -> bool:
            lane.calling = not self._stopping and self._is_ours(due)
            return lane.calling

        try:
            while lane.waiting:
                outcome = await self._posting.post(lane.waiting[0], leave)
                lane.calling = False
                lane.waiting.popleft()
                self._note([outcome])
                if outcome.state is State.PENDING:
                    behind = (*lane.waiting, *self._take_out(address))
                    self._note(replace(outcome, due=due, left=False) for due in behind)
                    lane.waiting.clear()
        finally:
            if lane.calling:
                self._note([self._posting.broken_off(lane.waiting.popleft())])
            self._note(self._posting.back(due) for due in lane.waiting)
            del self._lanes[address]

    def _take_out(self, address: str) -> list[Due]:
        """Take what else is claimed for an address out of hand, as if it had been on its way."""
        found = list[Due]()
        for queue in (self._answers, self._ready):
            mine = [due for due in queue if due.address == address]
            for due in mine:
                queue.remove(due)
                self._under_way[due.priority is Priority.REPLY] += 1
            found += mine
        return found

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        """Keep outcomes until they are recorded with others."""
        before = len(self._outcomes)
        self._outcomes += outcomes
        if before == 0 and self._outcomes:
            self._record_at = time.monotonic() + RECORD_AFTER
            self._woken.set()
        elif self._has_room():
            self._woken.set()


def _most_under_way(pace: Pace | None) -> int:
    """Return how many pushes may be under way at this pace."""
    if pace is None:
        return LEAVING_AT_ONCE
    return pace.at_once or max(LEAVING_AT_ONCE, round(pace.per_second * LEAVING_SECONDS))


def _take(queue: deque[Due], room: int, busy: set[str]) -> list[Due]:
    """Take so many messages from a queue, of each address that is not busy only the first."""
    taken, left = list[Due](), list[Due]()
    while queue and len(taken) < room:
        due = queue.popleft()
        (left if due.address in busy else taken).append(due)
        busy.add(due.address)
    queue.extendleft(reversed(left))
    return taken


async def _finish(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait so long for tasks, and end those that take longer."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
