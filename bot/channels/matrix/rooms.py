"""The bot's rooms: which are direct chats, who is in them, and which invitations are accepted."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.channels.matrix.api import lookup
from bot.channels.matrix.batch import Invitation
from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import Json, Refused

T = TypeVar("T")

REMEMBERED = 5_000
"""Of so many rooms it is remembered who is in them."""

INVITATIONS, PER_SECONDS = 5, 3_600.0
"""How many invitations of one person are accepted in so many seconds."""

PAIR = 2


@dataclass(frozen=True, slots=True)
class Room:
    """A room: with two people in it, the bot among them, it is a direct chat."""

    members: frozenset[str]

    @property
    def direct(self) -> bool:
        """Whether it is a direct chat."""
        return len(self.members) == PAIR

    @property
    def deserted(self) -> bool:
        """Whether nobody but the bot is left."""
        return len(self.members) < PAIR


class Rooms:
    """Knows the rooms of `client`; `clock` tells monotonic seconds."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with no room known: whatever is asked for is looked up."""
        self._client = client
        self._clock = clock
        self._known: OrderedDict[str, Room] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._invited: OrderedDict[str, deque[float]] = OrderedDict()

    async def get(self, room_id: str) -> Room:
        """Return a room; raises a MatrixError when the homeserver does not say."""
        room = self._known.get(room_id)
        if room is None:
            room = Room(frozenset(await self._client.members(room_id)))
            _remember(self._known, room_id, room)
        return room

    async def name(self, room_id: str, user_id: str) -> str:
        """Return what somebody is called in a room, "" when that is not known."""
        if user_id not in self._names:
            try:
                content = await self._client.state(room_id, "m.room.member", user_id)
            except Refused:
                content = None
            name = (content or {}).get("displayname")
            _remember(self._names, user_id, name if isinstance(name, str) else "")
        return self._names[user_id]

    def forget(self, room_id: str) -> None:
        """Look anew who is in a room the next time."""
        self._known.pop(room_id, None)

    def accepts(self, invitation: Invitation) -> bool:
        """Return whether an invitation is to a direct chat, from somebody who has not invited too often."""
        inviter = _inviter(invitation, self._client.user_id)
        if inviter is None:
            return False
        now = self._clock()
        times = self._invited.setdefault(inviter, deque(maxlen=INVITATIONS))
        if len(times) == INVITATIONS and now - times[0] < PER_SECONDS:
            return False
        times.append(now)
        _remember(self._invited, inviter, times)
        return True

    def continues(self, invitation: Invitation) -> bool:
        """Return whether an invitation is to the successor of a direct chat (room upgrade)."""
        for event in invitation.state:
            old = lookup(event, "content", "predecessor") if event.get("type") == "m.room.create" else None
            room = self._known.get(str((old or {}).get("room_id")))
            if room is not None and room.direct:
                return True
        return False


def _inviter(invitation: Invitation, user_id: str) -> str | None:
    """Return who invites the bot to a direct chat, None when it is to something else."""
    for event in invitation.state:
        if event.get("type") == "m.room.member" and event.get("state_key") == user_id:
            content: Json = lookup(event, "content") or {}
            if content.get("is_direct") is True and isinstance(event.get("sender"), str):
                return str(event["sender"])
    return None


def _remember(known: OrderedDict[str, T], key: str, value: T) -> None:
    """Keep something as the newest of what is remembered, and forget the oldest."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED:
        known.popitem(last=False)
