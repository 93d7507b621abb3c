"""Courtesies: what shows that the bot reads and writes, and numbers to react with. Nothing depends on them.

They are done beside the messages and give way to them: an answer that comes at once is neither announced
by typing nor held up by a receipt, and reactions, each as dear as a message, are put one at a time while no
message is under way. Once the homeserver has asked to slow down, no reaction is tried for a while: an
ordinary account on a stock Synapse may send one event in five seconds, which messages need.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import Busy, MatrixError
from bot.channels.matrix.render import reaction_contents
from bot.log import describe
from handlers.dialogue.message import Outgoing

SOON = 0.5
"""An answer that takes longer (seconds) is announced: the bot is shown to be typing."""

TYPING_SECONDS = 20.0

REST_SECONDS = 3_600.0
"""How long no reaction is put under messages after the homeserver has asked to slow down."""

AT_ONCE = 200
"""So many other courtesies at most are under way; what comes meanwhile is left undone."""

REMEMBERED = 2_000
"""Of so many messages it is known which numbers are under them; as many wait for theirs."""

log = logging.getLogger(__name__)


class Courtesy:
    """Does courtesies with `client`, in tasks of its own; `reacts`: the pace has room for reactions too."""

    def __init__(self, client: Client, *, reacts: bool) -> None:
        """Begin with nothing to do."""
        self._client = client
        self._reacts = reacts
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered: dict[str, asyncio.Event] = {}
        self._reactions_rest_until = 0.0
        self._reacted: OrderedDict[str, int] = OrderedDict()
        self._offers: deque[Callable[[], Coroutine[Any, Any, None]]] = deque(maxlen=REMEMBERED)
        self._reacting = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Put no reaction for as long as the context lasts, in which a message is under way."""
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._idle.set()

    def begin(self, room_id: str, event_id: str) -> None:
        """Show that an event was read, and that the bot writes an answer if that takes a while."""
        answered = self._answered.setdefault(room_id, asyncio.Event())
        self._start(self._show(room_id, event_id, answered))

    def end(self, room_id: str) -> None:
        """Show that the bot does not write any more."""
        answered = self._answered.pop(room_id, None)
        if answered is not None:
            answered.set()

    def offer(self, parcel_id: int, room_id: str, event_id: str, message: Outgoing) -> None:
        """Put the numbers of a message's options under it, those which are not there yet."""
        done = self._reacted.get(event_id, 0)
        if len(message.options) > done and self._may_react():
            self._reacted[event_id] = len(message.options)
            if len(self._reacted) > REMEMBERED:
                self._reacted.popitem(last=False)
            self._offers.append(partial(self._react, parcel_id, room_id, event_id, message, done))
            if not self._reacting:
                self._reacting = True
                self._start(self._react_in_turn(), always=True)

    def free(self, room_id: str, reaction_id: str) -> None:
        """Take the person's number back from under a message, so that it can be chosen there once more.

        Else the next tap on the same number would only undo the first. The bot may do that in a direct
        chat as clients open it, where both have every right.
        """
        if self._may_react():
            self._start(self._client.redact(room_id, reaction_id))

    async def stop(self) -> None:
        """Leave undone what is not done yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _may_react(self) -> bool:
        return self._reacts and time.monotonic() >= self._reactions_rest_until

    async def _show(self, room_id: str, event_id: str, answered: asyncio.Event) -> None:
        try:
            typing = not await _comes(answered, SOON)
            if typing:
                await self._client.typing(room_id, TYPING_SECONDS)
            await self._client.read(room_id, event_id)
            if typing and await _comes(answered, TYPING_SECONDS):
                await self._client.typing(room_id, 0)
        finally:
            if self._answered.get(room_id) is answered:  # no answer came
                del self._answered[room_id]

    async def _react_in_turn(self) -> None:
        try:
            while self._offers:
                await self._quietly(self._offers.pop()())  # the newest first: somebody may be looking at it
        finally:
            self._reacting = False

    async def _react(self, parcel_id: int, room_id: str, event_id: str, message: Outgoing, done: int) -> None:
        for number, content in enumerate(reaction_contents(message, event_id), 1):
            await self._idle.wait()
            if number > done and self._may_react():
                await self._client.send(room_id, "m.reaction", content, f"{parcel_id}.{number}")

    def _start(self, work: Coroutine[Any, Any, Any], *, always: bool = False) -> None:
        if len(self._tasks) >= AT_ONCE and not always:
            work.close()
            return
        task = asyncio.create_task(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Busy:
            self._reactions_rest_until = time.monotonic() + REST_SECONDS
        except MatrixError as error:
            log.debug("a courtesy was left undone: %s", describe(error))


async def _comes(event: asyncio.Event, seconds: float) -> bool:
    """Return whether something happens within so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
