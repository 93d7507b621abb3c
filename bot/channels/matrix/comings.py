"""Coming and going: invitations, who is in the rooms with others, rooms that are left, lost or replaced."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.channel import Gone, Receive
from bot.channels.matrix import CHANNEL
from bot.channels.matrix.api import lookup
from bot.channels.matrix.batch import Event, Invitation
from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import Busy, LoggedOut, MatrixError, Refused, classify
from bot.channels.matrix.events import closed, inhabited, moved
from bot.channels.matrix.rooms import Rooms
from bot.log import describe
from handlers.dialogue.message import Incoming, RoomState

ABOUT_ROOM = "/room"
"""What somebody who invites the bot to a room with others says by that: they are asked about the room."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Permits:
    """What the store knows of rooms with others.

    `may_invite` tells whether somebody, by user id, may invite the bot to one; `shared` gives the ids of
    those in which it is.
    """

    may_invite: Callable[[str], Awaitable[bool]]
    shared: Callable[[], Awaitable[Sequence[str]]]


class Comings:
    """Sees to the rooms of the device `client` and hands on to `receive`; `now` tells the aware UTC time."""

    def __init__(
        self, client: Client, permits: Permits, receive: Receive, now: Callable[[], datetime]
    ) -> None:
        """Begin with no room known."""
        self.rooms = Rooms(client)
        self.client = client
        self._permits = permits
        self._receive = receive
        self._now = now
        self._looking = asyncio.Lock()

    async def load(self) -> None:
        """Learn which rooms are shared with others, before anything is taken."""
        self.rooms.shared.update(await self._permits.shared())

    async def look_round(self) -> None:
        """Look who is in the rooms with others by now: not every change is told after a long time away."""
        for room_id in sorted(self.rooms.shared):
            try:
                await self._look_at(room_id)
            except MatrixError as error:
                log.info("a room with others was not looked at: %s", describe(error))
                if isinstance(classify(error), Gone):
                    await self._close(room_id)

    async def give_up(self, room_id: str) -> None:
        """Leave a room with others in which the bot may not write; a coordinator may invite it anew."""
        if room_id in self.rooms.shared:
            self.rooms.shared.discard(room_id)
            self.rooms.forget(room_id)
            with suppress(MatrixError):
                await self.client.reject(room_id)

    async def renamed(self, room_id: str) -> None:
        """Look anew what a room with others is called."""
        if room_id in self.rooms.shared:
            await self._look_at(room_id)

    def departed(self, room_id: str) -> Incoming:
        """Return that the bot is in a room no more."""
        self.rooms.shared.discard(room_id)
        self.rooms.forget(room_id)
        return closed(room_id, self._now())

    async def invited(self, item: Invitation) -> None:
        """Accept invitations to direct chats, and a coordinator's to a room with others; reject any other."""
        inviter = self.rooms.inviter(item)
        try:
            if (old := await self.rooms.predecessor(item)) is not None:
                await self.client.join(item.room_id)
                await self._receive(self._follow(old, item.room_id, f"moved {old}"))
            elif inviter is not None and self.rooms.is_to_direct(item):
                await self._join_direct(item.room_id, inviter)
            elif inviter is not None and await self._permits.may_invite(inviter):
                await self._join_others(item.room_id, inviter)
            else:
                await self.client.reject(item.room_id)
        except (Busy, LoggedOut):  # the invitation comes again
            raise
        except MatrixError as error:
            log.warning("an invitation came to nothing: %s", describe(error))

    async def _join_direct(self, room_id: str, inviter: str) -> None:
        """Join a direct chat; one with several people, which its invitation calls so too, is none."""
        await self.client.join(room_id)
        room = await self.rooms.get(room_id)
        if room.direct or room.deserted:
            return
        if await self._permits.may_invite(inviter):
            await self._join_others(room_id, inviter)
        else:
            await self.client.reject(room_id)

    async def _join_others(self, room_id: str, inviter: str) -> None:
        """Join a room with others, and let the coordinator who invited the bot say what it is to do there."""
        self.rooms.shared.add(room_id)
        # First, so that it is never taken for direct.
        await self._receive(inhabited(room_id, RoomState("", frozenset({inviter})), self._now()))
        try:
            await self.client.join(room_id)
        except Refused:
            await self._close(room_id)
            raise
        await self._look_at(room_id)
        asked = Incoming(
            channel=CHANNEL,
            event_id=f"invited {room_id} {self._now().timestamp()}",
            sender=inviter,
            address=room_id,
            received_at=self._now(),
            pressed=ABOUT_ROOM,
            name=await self.rooms.name(room_id, inviter),
            private=False,
            aside=inviter,
        )
        await self._receive(asked)

    async def _close(self, room_id: str) -> None:
        """Tell that a room with others is closed to the bot."""
        self.rooms.shared.discard(room_id)
        await self._receive(closed(room_id, self._now()))

    async def _look_at(self, room_id: str) -> None:
        """Tell who is in a room with others, and what it is called."""
        async with self._looking:  # or what was seen before could be told after what was seen later
            await self._tell_seen(room_id)

    async def _tell_seen(self, room_id: str) -> None:
        self.rooms.forget(room_id)
        room = await self.rooms.get(room_id)
        state = RoomState(await self.rooms.title(room_id), room.joined)
        await self._receive(inhabited(room_id, state, self._now()))

    async def membership(self, event: Event) -> Incoming | None:
        """Look anew who is in a room; when nobody but the bot is, leave it."""
        if not _changes_membership(event):
            return None
        self.rooms.forget(event.room_id)
        if event.room_id in self.rooms.shared:
            await self._look_at(event.room_id)
        if event.content.get("membership") not in {"leave", "ban"} or event.state_key == self.client.user_id:
            return None
        if not (await self.rooms.get(event.room_id)).deserted:
            return None
        with suppress(MatrixError):
            await self.client.reject(event.room_id)
        return closed(event.room_id, self._now())

    async def moved_on(self, event: Event) -> Incoming | None:
        """Follow a room to its successor, as far as the bot may; else it waits to be invited there."""
        successor = event.content.get("replacement_room")
        if not isinstance(successor, str):
            return None
        try:
            await self.client.join(successor)
        except MatrixError:
            return None
        return self._follow(event.room_id, successor, event.event_id)

    def _follow(self, old: str, successor: str, event_id: str) -> Incoming:
        """Return that everything of a room goes on in its successor, which the bot has joined.

        Who is there is looked at once the bot's own arrival is read.
        """
        if old in self.rooms.shared:
            self.rooms.shared.discard(old)
            self.rooms.shared.add(successor)
        return moved(old, successor, event_id, self._now())


def _changes_membership(event: Event) -> bool:
    """Return whether somebody came or went, rather than changed their name or picture."""
    before = lookup(event.source, "unsigned", "prev_content") or {}
    return before.get("membership") != event.content.get("membership")
