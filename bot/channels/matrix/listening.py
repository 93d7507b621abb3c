"""What happens in the bot's rooms, handled: messages are translated, invitations and departures seen to."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.channel import Gone, Receive
from bot.channels.matrix import CHANNEL
from bot.channels.matrix.api import lookup
from bot.channels.matrix.batch import Departure, Event, Invitation, Item, Unreadable, redacted_by
from bot.channels.matrix.client import Client
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.errors import Busy, LoggedOut, MatrixError, Refused, classify
from bot.channels.matrix.events import MESSAGES, Place, closed, inhabited, moved, to_incoming
from bot.channels.matrix.render import Content
from bot.channels.matrix.rooms import Rooms
from bot.edits import with_newest_text
from bot.log import describe
from handlers.dialogue.choices import number_emoji
from handlers.dialogue.message import MAX_OPTIONS, Incoming, Kind, RoomState

VERIFICATION = "m.key.verification.request"

ABOUT_ROOM = "/room"
"""What somebody who invites the bot to a room with others says by that: they are asked about the room."""

NUMBERS = frozenset(number_emoji(number) for number in range(1, MAX_OPTIONS + 1))
"""The reactions that the bot puts under its messages, to be tapped."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Permits:
    """What the store knows of rooms with others.

    `may_invite` tells whether somebody, by user id, may invite the bot to one; `shared` gives the ids of
    those in which it is.
    """

    may_invite: Callable[[str], Awaitable[bool]]
    shared: Callable[[], Awaitable[Sequence[str]]]


class Listener:
    """Listens as the device `client` and hands on to `receive`; `now` tells the aware UTC time."""

    def __init__(
        self, client: Client, permits: Permits, receive: Receive, now: Callable[[], datetime]
    ) -> None:
        """Begin with no room known."""
        self.client = client
        self.rooms = Rooms(client)
        self.courtesy = Courtesy(client)
        self._permits = permits
        self._receive = receive
        self._now = now
        self._looking = asyncio.Lock()

    async def load_rooms(self) -> None:
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

    async def take(self, items: Sequence[Item]) -> None:
        """Handle what happened: in each room in its order, different rooms side by side."""
        by_room = defaultdict[str, list[Item]](list)
        for item in items:
            by_room[item.room_id].append(item)
        async with asyncio.TaskGroup() as group:
            for some in by_room.values():
                group.create_task(self._take_in_order(some))

    async def _take_in_order(self, items: Sequence[Item]) -> None:
        """Handle what happened in one room."""
        translated = list[Incoming | None]()
        for item in items:
            try:
                translated.append(await self._translate(item))
            except (Busy, LoggedOut):
                raise
            except Refused as error:  # the bot was removed from the room meanwhile, say
                log.info("something that happened in a room was left alone: %s", describe(error))
        for incoming in with_newest_text(translated):
            if incoming is not None:
                await self._receive(incoming)
                if incoming.kind is Kind.REACTION and incoming.private and incoming.text in NUMBERS:
                    self.courtesy.free(incoming.address, incoming.event_id)

    async def _translate(self, item: Item) -> Incoming | None:
        """Return what something that happened says to the bot, None when nothing; see to the rooms."""
        match item:
            case Invitation():
                await self._invited(item)
            case Departure():
                self.rooms.shared.discard(item.room_id)
                self.rooms.forget(item.room_id)
                return closed(item.room_id, self._now())
            case Unreadable():
                return await self._incoming(item.room_id, item.event_id, item.sender, attachment="unreadable")
            case Event():
                return await self._event(item)
        return None

    async def _event(self, event: Event) -> Incoming | None:
        """Return what an event says to the bot.

        Without a state key anybody may send one of any type, and encrypted no homeserver asks what it holds.
        """
        if event.state_key is None:
            if (redacted := redacted_by(event)) is not None:
                return self._redacted(event, redacted)
            return await self._message(event) if event.kind in MESSAGES else None
        if event.kind == "m.room.member":
            return await self._membership(event)
        if event.kind == "m.room.name" and event.room_id in self.rooms.shared:
            await self._look_at(event.room_id)
        if event.kind == "m.room.tombstone":
            return await self._moved(event)
        return None

    async def _invited(self, item: Invitation) -> None:
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
        except LoggedOut:
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

    async def _membership(self, event: Event) -> Incoming | None:
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

    async def _moved(self, event: Event) -> Incoming | None:
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

    def _redacted(self, event: Event, redacted: str) -> Incoming:
        """Return that a message was taken back."""
        return Incoming(
            channel=CHANNEL,
            event_id=event.event_id,
            sender=event.sender,
            address=event.room_id,
            received_at=self._now(),
            kind=Kind.REDACTED,
            ref=redacted,
        )

    async def _message(self, event: Event) -> Incoming | None:
        """Translate a message, and show that it was read."""
        room = await self.rooms.get(event.room_id)
        if room.direct and event.content.get("msgtype") == VERIFICATION:
            await self._refuse_verification(event)
            return await self._incoming(
                event.room_id, event.event_id, event.sender, attachment="verification"
            )
        name, bot = await self.rooms.name(event.room_id, event.sender), self.client.user_id
        called = "" if room.direct else await self.rooms.name(event.room_id, bot)
        place = Place(event.room_id, direct=room.direct, bot=bot, called=called, name=name)
        raw = {**event.source, "type": event.kind, "content": event.content}
        incoming = to_incoming(raw, place, self._now(), self.client.download)
        if incoming is not None and incoming.kind is not Kind.REACTION:
            self.courtesy.begin(event.room_id, event.event_id)
        return incoming

    async def _incoming(
        self, room_id: str, event_id: str, sender: str, *, attachment: str
    ) -> Incoming | None:
        """Return that somebody sent something which is no message; nothing in rooms with others."""
        if not (await self.rooms.get(room_id)).direct:
            return None
        return Incoming(
            channel=CHANNEL,
            event_id=f"{attachment} {event_id}",  # should its key come, the event itself is handled too
            sender=sender,
            address=room_id,
            received_at=self._now(),
            attachment=attachment,
            name=await self.rooms.name(room_id, sender),
        )

    async def _refuse_verification(self, event: Event) -> None:
        """Answer a request to verify the bot's device with a cancel (Matrix 1.16, "Key verification")."""
        content: Content = {
            "code": "m.user",
            "reason": "a bot cannot compare pictures",
            "m.relates_to": {"rel_type": "m.reference", "event_id": event.event_id},
        }
        try:
            await self.client.send(
                event.room_id, "m.key.verification.cancel", content, f"cancel {event.event_id}"
            )
        except MatrixError as error:
            log.warning("a request to verify was not answered: %s", describe(error))


def _changes_membership(event: Event) -> bool:
    """Return whether somebody came or went, rather than changed their name or picture."""
    before = lookup(event.source, "unsigned", "prev_content") or {}
    return before.get("membership") != event.content.get("membership")
