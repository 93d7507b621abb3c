"""What happens in the bot's rooms, handled: messages are translated, invitations and departures seen to."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from bot.channel import Receive
from bot.channels.matrix import CHANNEL
from bot.channels.matrix.batch import Departure, Event, Invitation, Item, Unreadable
from bot.channels.matrix.client import Client
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.errors import Busy, LoggedOut, MatrixError, Refused
from bot.channels.matrix.events import MESSAGES, Place, to_incoming
from bot.channels.matrix.render import Content
from bot.channels.matrix.rooms import Rooms
from bot.log import describe
from handlers.dialogue.choices import number_emoji
from handlers.dialogue.message import MAX_OPTIONS, Incoming, Kind

VERIFICATION = "m.key.verification.request"

NUMBERS = frozenset(number_emoji(number) for number in range(1, MAX_OPTIONS + 1))
"""The reactions that the bot puts under its messages, to be tapped."""

log = logging.getLogger(__name__)


class Listener:
    """Listens as the device `client`; `now` tells the aware UTC time."""

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        """Begin with no room known."""
        self.client = client
        self.rooms = Rooms(client)
        self.courtesy = Courtesy(client)
        self._now = now

    async def take(self, items: Sequence[Item], receive: Receive) -> None:
        """Handle what happened: in each room in its order, different rooms side by side."""
        by_room = defaultdict[str, list[Item]](list)
        for item in items:
            by_room[item.room_id].append(item)
        async with asyncio.TaskGroup() as group:
            for some in by_room.values():
                group.create_task(self._take_in_order(some, receive))

    async def _take_in_order(self, items: Sequence[Item], receive: Receive) -> None:
        """Handle what happened in one room."""
        for item in items:
            try:
                incoming = await self._translate(item)
            except (Busy, LoggedOut):
                raise
            except Refused as error:  # the bot was removed from the room meanwhile, say
                log.info("something that happened in a room was left alone: %s", describe(error))
                continue
            if incoming is None:
                continue
            await receive(incoming)
            if incoming.kind is Kind.REACTION and incoming.text in NUMBERS:
                self.courtesy.free(incoming.address, incoming.event_id)

    async def _translate(self, item: Item) -> Incoming | None:
        """Return what something that happened says to the bot, None when nothing; see to the rooms."""
        match item:
            case Invitation():
                await self._invited(item)
            case Departure():
                self.rooms.forget(item.room_id)
                return self._closed(item.room_id, f"departure {item.room_id} {self._now().timestamp()}")
            case Unreadable():
                return await self._incoming(item.room_id, item.event_id, item.sender, attachment="unreadable")
            case Event():
                return await self._event(item)
        return None

    async def _event(self, event: Event) -> Incoming | None:
        """Return what an event says to the bot."""
        if event.kind == "m.room.member":
            return await self._membership(event)
        if event.kind == "m.room.tombstone":
            return await self._moved(event)
        if event.kind in MESSAGES and event.state_key is None:
            return await self._message(event)
        return None

    async def _invited(self, item: Invitation) -> None:
        """Accept an invitation to a direct chat, reject any other."""
        try:
            if self.rooms.accepts(item) or self.rooms.continues(item):
                await self.client.join(item.room_id)
            else:
                await self.client.reject(item.room_id)
        except MatrixError as error:
            log.warning("an invitation came to nothing: %s", describe(error))

    async def _membership(self, event: Event) -> Incoming | None:
        """Look anew who is in a room; when nobody but the bot is, leave it."""
        self.rooms.forget(event.room_id)
        if event.content.get("membership") not in {"leave", "ban"} or event.state_key == self.client.user_id:
            return None
        if not (await self.rooms.get(event.room_id)).deserted:
            return None
        with suppress(MatrixError):
            await self.client.reject(event.room_id)
        return self._closed(event.room_id, event.event_id)

    async def _moved(self, event: Event) -> Incoming | None:
        """Follow a room to its successor, as far as the bot may; else it waits to be invited there."""
        successor = event.content.get("replacement_room")
        if not isinstance(successor, str):
            return None
        try:
            await self.client.join(successor)
        except MatrixError:
            return None
        return Incoming(
            channel=CHANNEL,
            event_id=event.event_id,
            sender=event.sender,
            address=event.room_id,
            received_at=self._now(),
            kind=Kind.MOVED,
            moved_to=successor,
        )

    async def _message(self, event: Event) -> Incoming | None:
        """Translate a message, and show that it was read."""
        room = await self.rooms.get(event.room_id)
        if event.content.get("msgtype") == VERIFICATION and event.sender != self.client.user_id:
            await self._refuse_verification(event)
            return await self._incoming(
                event.room_id, event.event_id, event.sender, attachment="verification"
            )
        name = await self.rooms.name(event.room_id, event.sender)
        place = Place(event.room_id, direct=room.direct, bot=self.client.user_id, name=name)
        raw = {**event.source, "type": event.kind, "content": event.content}
        incoming = to_incoming(raw, place, self._now())
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

    def _closed(self, room_id: str, event_id: str) -> Incoming:
        """Return that nothing reaches a room any more."""
        return Incoming(
            channel=CHANNEL,
            event_id=event_id,
            sender="",
            address=room_id,
            received_at=self._now(),
            kind=Kind.CLOSED,
        )
