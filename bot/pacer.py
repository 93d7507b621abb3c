"""The pacer: when the next message of a bot may leave, so that the platform never has to ask it to slow down.

Two rules hold for a whole bot. In any span of `seconds` at most `count` messages leave, kept exactly by a
list of the last ones. And pushes, which nobody waits for, follow the generic cell rate algorithm (ITU-T
I.371), so that they are spread evenly and a place for an answer comes up soon at any time: answers always go
first. While people are being answered the pushes leave `reserve` places free for them in any span, which a
second list keeps as exactly. A third rule holds for each chat.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

TOLERANCE = 0.1
"""How far (seconds) pushes may lag behind their even spread and still catch up."""

SLACK = 0.015
"""How much slower than allowed pushes are spread: who is always on the limit can never make up for a wake-up
that came late, and the late ones gather in bunches with long waits between them."""

TALK_SECONDS = 10.0
"""How long after an answer room is kept for the next one."""

RECOVERY_SECONDS = 1_800.0
"""How long the pace of pushes takes to recover wholly after the platform has asked to slow down."""


@dataclass(frozen=True, slots=True)
class ChatRate:
    """`count` messages in any `seconds` to one chat, of which answers may leave `burst` at once."""

    count: int
    seconds: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds between two messages, such that with a burst no span of `seconds` has more than `count`."""
        return self.seconds / max(self.count - self.burst + 1, 1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a bot may send: `count` messages in any `seconds` in all, and to each chat, by its address.

    `reserve` of them are left to answers while people are being answered. `at_once` pushes at most are under
    way; None: as many as the pace allows.
    """

    count: int
    reserve: int
    rate_of: Callable[[str], ChatRate]
    seconds: float = 1.0
    at_once: int | None = None

    @property
    def per_second(self) -> float:
        """How many messages a second may leave in the long run."""
        return self.count / self.seconds

    @property
    def pushes_per_second(self) -> float:
        """How many messages a second may leave of those that nobody waits for, while people are answered."""
        return max(self.count - self.reserve, 1) / self.seconds


class Pacer:
    """Lets one message after another go; `clock` tells monotonic seconds."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing sent."""
        self._pace = pace
        self._clock = clock
        self._last: deque[float] = deque(maxlen=pace.count)
        self._last_pushes: deque[float] = deque(maxlen=pace.count)
        self._next_push = 0.0
        self._answered = -TALK_SECONDS
        self._slowed_until, self._slowed_to = 0.0, float(pace.count)
        self._paused_until = 0.0
        self._chats: OrderedDict[str, float] = OrderedDict()
        self._paused: dict[str, float] = {}
        self._answers: deque[asyncio.Future[bool]] = deque()
        self._pushes: deque[asyncio.Future[bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def wait_turn(self, address: str, *, answer: bool) -> bool:
        """Wait until a message to an address may leave, and count it; return False when a pause came first.

        To be called for one message of an address at a time.
        """
        while (delay := self._chat_delay(address, answer=answer)) > 0:  # noqa: ASYNC110 - a timer may be early
            await asyncio.sleep(delay)
        if self.pause_left(address) > 0 or not await self._pass(answer=answer):
            return False
        if self.pause_left(address) > 0:  # it began after the place was given
            return False
        self._count_chat(address)
        return True

    def pause(self, seconds: float, address: str | None = None, *, slower: bool = False) -> None:
        """Let nothing leave for so long: to one address, or None for all of them.

        `slower` halves the pace of pushes from then on; it recovers by and by.
        """
        now = self._clock()
        until = now + seconds
        if address is not None:
            self._paused = {chat: end for chat, end in self._paused.items() if end > now}
            self._paused[address] = max(until, self._paused.get(address, 0.0))
            return
        if slower:
            if self._slowed_until <= now:  # calls which were under way together are refused together
                self._slowed_to = max(self.push_rate() / 2, 1.0)
            self._slowed_until = max(until, self._slowed_until)
        self._paused_until = max(until, self._paused_until)
        self.let_go()

    def pause_left(self, address: str | None = None) -> float:
        """Return for how many seconds nothing may leave to an address, or None for to any."""
        now = self._clock()
        until = self._paused_until
        if address is not None:
            until = max(until, self._paused.get(address, 0.0))
        return max(until - now, 0.0)

    def span_left(self) -> float:
        """Return for how many seconds what left last still counts for whoever sends next in our place."""
        return max(self._last[-1] + self._pace.seconds - self._clock(), 0.0) if self._last else 0.0

    def let_go(self) -> None:
        """Let everybody who waits for a turn go without one."""
        for waiting in (*self._answers, *self._pushes):
            if not waiting.done():
                waiting.set_result(False)
        self._answers.clear()
        self._pushes.clear()

    def push_rate(self) -> float:
        """Return how many pushes may leave in a span now."""
        recovered = max(self._clock() - self._slowed_until, 0.0) / RECOVERY_SECONDS * self._pace.count
        return max(min(self._slowed_to + recovered, self._places()), 1.0)

    def _places(self) -> int:
        """Return how many pushes may leave in any span, as far as answers are concerned."""
        talking = self._clock() - self._answered < max(TALK_SECONDS, self._pace.seconds)
        return max(self._pace.count - (self._pace.reserve if talking else 0), 1)

    def _chat_delay(self, address: str, *, answer: bool) -> float:
        """Return how many seconds a message to an address has to wait on account of earlier ones to it."""
        rate = self._pace.rate_of(address)
        ahead = rate.interval * (rate.burst - 1) if answer else 0.0
        return self._chats.get(address, 0.0) - ahead - self._clock()

    def _count_chat(self, address: str) -> None:
        """Count a message to an address, and forget the addresses that are free again."""
        now = self._clock()
        after = max(self._chats.get(address, 0.0), now) + self._pace.rate_of(address).interval
        self._chats[address] = after
        self._chats.move_to_end(address)
        for _ in range(min(2, len(self._chats))):  # more than one comes, so the list does not grow
            oldest = next(iter(self._chats))
            if self._chats[oldest] > now:
                return
            del self._chats[oldest]

    async def _pass(self, *, answer: bool) -> bool:
        """Wait for a place among all messages."""
        queue = self._answers if answer else self._pushes
        if not self._answers and not queue and self._allowed_at(answer=answer) <= self._clock():
            self._count(answer=answer, behind=0.0)
            return True
        waiting = asyncio.get_running_loop().create_future()
        queue.append(waiting)
        self._let_pass()
        return bool(await waiting)

    def _let_pass(self) -> None:
        """Let those pass whose time has come, answers first, and come back when the next one's has."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue := self._answers or self._pushes:
            if queue[0].done():  # whoever waited was cancelled
                queue.popleft()
                continue
            delay = self._allowed_at(answer=queue is self._answers) - self._clock()
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._let_pass)
                return
            self._count(answer=queue is self._answers, behind=TOLERANCE)
            queue.popleft().set_result(True)

    def _allowed_at(self, *, answer: bool) -> float:
        """Return the time at which the next message may leave."""
        allowed = self._free_at(self._last, self._pace.count)
        if answer:
            return allowed
        return max(allowed, self._free_at(self._last_pushes, self._places()), self._next_push)

    def _free_at(self, last: deque[float], places: int) -> float:
        """Return when one more may leave, if in any span at most `places` of these may."""
        return last[-places] + self._pace.seconds if len(last) >= places else 0.0

    def _count(self, *, answer: bool, behind: float) -> None:
        """Count a message that leaves now; one that was waiting may be so much behind the even spread."""
        now = self._clock()
        self._last.append(now)
        if answer:
            self._answered = now
            return
        self._last_pushes.append(now)
        interval = (1 + SLACK) * self._pace.seconds / self.push_rate()
        self._next_push = max(self._next_push, now - behind) + interval
