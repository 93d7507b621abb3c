"""What happens in the bot's rooms, handled: messages are translated, invitations and departures seen to."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.channel import Receive
from bot.channels.matrix import CHANNEL
from bot.channels.matrix.batch import Departure, Event, Invitation, Item, Unreadable, redacted_by
from bot.channels.matrix.comings import Comings
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.errors import Busy, LoggedOut, MatrixError, Refused
from bot.channels.matrix.events import MESSAGES, Place, to_incoming
from bot.channels.matrix.render import Content
from bot.edits import with_newest_text
from bot.log import describe
from handlers.dialogue.choices import number_emoji
from handlers.dialogue.message import MAX_OPTIONS, Incoming, Kind

VERIFICATION = "m.key.verification.request"

NUMBERS = frozenset(number_emoji(number) for number in range(1, MAX_OPTIONS + 1))
"""The reactions that the bot puts under its messages, to be tapped."""

log = logging.getLogger(__name__)


class Listener:
    """Listens in the rooms of `comings` and hands on to `receive`; `now` tells the aware UTC time."""

    def __init__(
        self, comings: Comings, courtesy: Courtesy, receive: Receive, now: Callable[[], datetime]
    ) -> None:
        """Take who sees to the rooms and to what is done beside the messages."""
        self.client = comings.client
        self.comings = comings
        self.rooms = comings.rooms
        self.courtesy = courtesy
        self._receive = receive
        self._now = now

    async def take(self, items: Sequence[Item]) -> None:
        """Handle what happened: in each room in its order, different rooms side by side."""
        by_room = defaultdict[str, list[Item]](list)
        for item in items:
            by_room[item.room_id].append(item)
        rooms = (self._take_in_order(some) for some in by_room.values())
        for outcome in await asyncio.gather(*rooms, return_exceptions=True):  # none breaks off another
            if outcome is not None:
                raise outcome

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
                await self.comings.invited(item)
            case Departure():
                return self.comings.departed(item.room_id)
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
            return await self.comings.membership(event)
        if event.kind == "m.room.name":
            await self.comings.renamed(event.room_id)
        if event.kind == "m.room.tombstone":
            return await self.comings.moved_on(event)
        return None

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
