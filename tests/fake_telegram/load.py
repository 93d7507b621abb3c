"""Feeding a bot at a fixed rate or as fast as it takes updates, and timing its replies.

A plan is {"count": 5000, "rate": null, "people": 500, "first": 1000000, "updates": [{"text": "kiedy?"}]}.
`updates` are taken in turn, each {"text": …} or {"press": callback data}, and so are the people, whose ids
begin with `first`. A reply is the first message sent or edited in the chat that is not the judged
broadcast's. Its time counts from when the update was due (with a `rate`), or else from when the bot was
first given it.
"""

import asyncio
import time
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any

from tests.fake_telegram.people import Person, Sent
from tests.fake_telegram.server import FakeTelegram

Json = dict[str, Any]

WINDOW = 400
"""How many updates wait for the bot when they are fed as fast as it takes them."""

TOP_UP_SECONDS = 0.002
FIRST_PERSON = 1_000_000


class Load:
    """One run at a time on `fake`."""

    def __init__(self, fake: FakeTelegram) -> None:
        self._fake = fake
        self._plan: Json = {}
        self._fed = 0
        self._waiting: dict[int, deque[float]] = defaultdict(deque)
        self._seconds: list[float] = []
        self._began = self._ended = 0.0
        self._done = asyncio.Event()
        self._feeding: asyncio.Task[None] | None = None
        fake.on_reply = self._replied

    def start(self, plan: Json) -> None:
        """Start a run; one that is under way is given up."""
        if self._feeding is not None:
            self._feeding.cancel()
        self._plan = {"people": 500, "first": FIRST_PERSON, "rate": None, **plan}
        self._fed, self._seconds, self._began = 0, [], 0.0
        self._waiting.clear()
        self._done.clear()
        self._fake.queue.on_taken = None if self._plan["rate"] else self._taken
        self._feeding = asyncio.create_task(self._feed())

    async def wait(self, seconds: float) -> None:
        """Wait until every update has its reply, at most so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), seconds)

    def report(self) -> Json:
        """Return the counts so far, replies a second and the percentiles of the replies' times in ms."""
        times, answered = sorted(self._seconds), len(self._seconds)
        spent = self._ended - self._began
        return {
            "count": self._plan.get("count", 0),
            "fed": self._fed,
            "answered": answered,
            "seconds": round(spent, 3),
            "per_second": round(answered / spent, 1) if spent > 0 else 0.0,
            **{f"p{p}_ms": _percentile(times, p) for p in (50, 90, 99, 100)},
            "calls": self._fake.served,
        }

    def person(self, user_id: int) -> Person:
        """Return somebody who writes, made if not known yet."""
        known = self._fake.chats.get(user_id)
        if isinstance(known, Person):
            return known
        person = self._fake.person(user_id, f"Osoba {user_id}")
        # Something to press, and for the bot to edit.
        person.sent.append(Sent(self._fake.next_id(), "Będziesz?", "Będziesz?"))
        return person

    async def _feed(self) -> None:
        count, rate = self._plan["count"], self._plan["rate"]
        began = time.perf_counter()
        while self._fed < count:
            late = time.perf_counter() - began
            room = int(late * rate) + 1 - self._fed if rate else WINDOW - len(self._fake.queue.pending)
            for _ in range(min(room, count - self._fed)):
                self._one(began + self._fed / rate if rate else None)
            await asyncio.sleep(TOP_UP_SECONDS)

    def _one(self, due: float | None) -> None:
        person = self.person(self._plan["first"] + self._fed % self._plan["people"])
        kinds = self._plan["updates"]
        kind = kinds[self._fed % len(kinds)]
        self._fed += 1
        if due is not None:
            self._note(person.id, due)
        if "press" in kind:
            person.forges(kind["press"], person.sent[0])
        else:
            person.writes(kind["text"])

    def _taken(self, chat_id: int) -> None:
        self._note(chat_id, time.perf_counter())

    def _note(self, chat_id: int, at: float) -> None:
        self._began = self._began or at
        self._waiting[chat_id].append(at)

    def _replied(self, chat_id: int) -> None:
        waiting = self._waiting.get(chat_id)
        if not waiting:
            return
        self._ended = time.perf_counter()
        self._seconds.append(self._ended - waiting.popleft())
        if len(self._seconds) == self._plan["count"]:
            self._done.set()


def _percentile(times: list[float], percent: int) -> float | None:
    return round(1000 * times[min(len(times) - 1, len(times) * percent // 100)], 2) if times else None
