"""A bot that paces itself in made-up time, and what it let leave."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from bot.channels.telegram.pace import pace
from bot.pacer import Pace, Pacer
from tests.bot.virtual import VirtualLoop

PER_SECOND = 30
RESERVE = 5
EPSILON = 1e-6
"""What times may differ by from being added up differently."""

TELEGRAM = pace(PER_SECOND, RESERVE, chat_seconds=1.0, group_per_minute=20)


@dataclass(frozen=True, slots=True)
class Left:
    """A message that left: when it came, when it left (seconds), to whom and whether it was an answer."""

    came: float
    at: float
    address: str
    answer: bool


class Bot:
    """Calls the pacer as the sender does: one message of an address at a time."""

    def __init__(self, loop: VirtualLoop, how: Pace = TELEGRAM) -> None:
        """Begin with nothing sent."""
        self._loop = loop
        self.pacer = Pacer(how, loop.time)
        self.left = list[Left]()
        self.refused = 0

    async def send(self, address: str, *, answer: bool = False) -> float:
        """Send a message and return how long it took to leave (seconds)."""
        came = self._loop.time()
        if await self.pacer.wait_turn(address, answer=answer):
            self.left.append(Left(came, self._loop.time(), address, answer))
        else:
            self.refused += 1
        return self._loop.time() - came

    async def send_many(self, address: str, kinds: Sequence[bool]) -> None:
        """Send one message after another to an address: answers (True) and pushes."""
        for answer in kinds:
            await self.send(address, answer=answer)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something meanwhile."""
        return self._loop.create_task(work)

    def queue(self, count: int, name: str = "push") -> list[asyncio.Task[Any]]:
        """Let so many pushes wait, each to somebody else."""
        return [self.start(self.send(f"{name} {number}")) for number in range(count)]

    def times(self, *, answer: bool | None = None, address: str | None = None) -> list[float]:
        """Return when messages left, answers or pushes only or to one address only if so asked."""
        return [
            one.at for one in self.left if answer in {None, one.answer} and address in {None, one.address}
        ]


def most_in(times: Sequence[float], seconds: float) -> int:
    """Return how many of these times, in order, lie in the fullest span of so many seconds."""
    most = first = 0
    for number, at in enumerate(times):
        while at - times[first] >= seconds - EPSILON:
            first += 1
        most = max(most, number - first + 1)
    return most
