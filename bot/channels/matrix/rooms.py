"""The bot's rooms: which are direct chats, who is in them, and which invitations are accepted.

Rooms with others, to which only coordinators may invite, are kept in the store; whatever else the bot has
joined is a direct chat for as long as exactly one other person is in it.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
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

DIRECT = "m.direct"


@dataclass(frozen=True, slots=True)
class Room:
    """A room: who has joined it or is invited, by user id, and whether it is meant for others too."""

    members: frozenset[str]
    joined: frozenset[str]
    shared: bool

    @property
    def direct(self) -> bool:
        """Whether it is a direct chat."""
        return len(self.members) == PAIR and not self.shared

    @property
    def deserted(self) -> bool:
        """Whether nobody but the bot is left."""
        return len(self.members) < PAIR


class Rooms:
    """Knows the rooms of `client`; `shared` are those with others, `clock` tells monotonic seconds."""

    def __init__(
        self, client: Client, shared: Iterable[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with no room known: whatever is asked for is looked up."""
        self.shared = set(shared)
        self._client = client
        self._clock = clock
        self._known: OrderedDict[str, Room] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._invited: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    async def get(self, room_id: str) -> Room:
        """Return a room; raises a MatrixError when the homeserver does not say."""
        room = self._known.get(room_id)
        if room is None:
            present = await self._client.members(room_id)
            joined = frozenset(user for user, membership in present.items() if membership == "join")
            room = Room(frozenset(present), joined, shared=room_id in self.shared)
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

    async def title(self, room_id: str) -> str:
        """Return what a room is called, "" when it has no name."""
        name = (await self._client.state(room_id, "m.room.name") or {}).get("name")
        return name if isinstance(name, str) else ""

    async def open_direct(self, user_id: str) -> str:
        """Return a direct chat with somebody, which they may still have to accept; made when there is none.

        The account remembers the chats that the bot has opened (Matrix 1.16, "m.direct").
        """
        opened = await self._client.account_data(DIRECT)
        before = opened.get(user_id)
        for room_id in before if isinstance(before, list) else ():
            if isinstance(room_id, str) and await self._is_with(room_id, user_id):
                return room_id
        room_id = await self._client.create_direct(user_id)
        await self._client.set_account_data(DIRECT, {**opened, user_id: [room_id]})
        return room_id

    async def _is_with(self, room_id: str, user_id: str) -> bool:
        """Return whether a room is a direct chat with somebody."""
        try:
            room = await self.get(room_id)
        except Refused:  # the bot is no longer there
            return False
        return room.direct and user_id in room.members

    def inviter(self, invitation: Invitation) -> str | None:
        """Return who invites the bot, None when that is not told or they have invited too often."""
        inviter = _invited(invitation, self._client.user_id).get("sender")
        return inviter if isinstance(inviter, str) and self._may_invite(inviter, invitation.room_id) else None

    def is_to_direct(self, invitation: Invitation) -> bool:
        """Return whether an invitation is to a direct chat."""
        content = lookup(_invited(invitation, self._client.user_id), "content") or {}
        return content.get("is_direct") is True

    def _may_invite(self, inviter: str, room_id: str) -> bool:
        """Return whether somebody has not invited too often, and count this time.

        An invitation that comes again, as the homeserver was busy, counts once.
        """
        now = self._clock()
        times = self._invited.setdefault(inviter, deque(maxlen=INVITATIONS))
        if any(known == room_id for _, known in times):
            return True
        if len(times) == INVITATIONS and now - times[0][0] < PER_SECONDS:
            return False
        times.append((now, room_id))
        _remember(self._invited, inviter, times)
        return True

    async def predecessor(self, invitation: Invitation) -> str | None:
        """Return the room whose successor an invitation is to, as that room itself says (room upgrade)."""
        for event in invitation.state:
            old = lookup(event, "content", "predecessor") if event.get("type") == "m.room.create" else None
            room_id = (old or {}).get("room_id")
            if isinstance(room_id, str) and (room_id in self._known or room_id in self.shared):
                tombstone = await self._client.state(room_id, "m.room.tombstone")
                if (tombstone or {}).get("replacement_room") == invitation.room_id:
                    return room_id
        return None


def _invited(invitation: Invitation, user_id: str) -> Json:
    """Return the event by which the bot is invited, an empty one where it is not told."""
    for event in invitation.state:
        if event.get("type") == "m.room.member" and event.get("state_key") == user_id:
            return event
    return {}


def _remember(known: OrderedDict[str, T], key: str, value: T) -> None:
    """Keep something as the newest of what is remembered, and forget the oldest."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED:
        known.popitem(last=False)
