"""What happened in the bot's rooms, as it is handed to a handler."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.channels.matrix.errors import Json


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was written in a room, or a change of its state (then `state_key` is not None).

    `content` is what the sender put there: any JSON object. `source` is the whole event, as it would have
    come in plain. The bot's own events are handed over only when they change the state.
    """

    room_id: str
    event_id: str
    sender: str
    kind: str
    content: Json
    sent_at: datetime
    state_key: str | None = None
    encrypted: bool = False
    source: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Invitation:
    """The bot is invited to a room; `state` is what the homeserver tells of it: type, sender and content."""

    room_id: str
    state: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Departure:
    """The bot is no longer in a room (it left, was removed or banned) or its invitation was withdrawn."""

    room_id: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """For a while no key came that reads an event; should it come, the `Event` is handed over after all."""

    room_id: str
    event_id: str
    sender: str
    sent_at: datetime


Item = Event | Invitation | Departure | Unreadable

Handler = Callable[[Sequence[Item]], Awaitable[None]]
"""Takes what happened, in order. When it raises, the same comes again, and so it may after a crash: an event
that was handled is known by its `event_id`.
"""


def is_event(raw: Any) -> bool:
    """Return whether a room's event has what every event has, each of its type; the rest may be any JSON."""
    return (
        isinstance(raw, dict)
        and all(isinstance(raw.get(name), str) for name in ("event_id", "type", "sender"))
        and isinstance(raw.get("content"), dict)
        and isinstance(raw.get("origin_server_ts"), int)
        and isinstance(raw.get("state_key"), str | None)
    )


def event(room_id: str, raw: Json, *, encrypted: bool = False) -> Event:
    """Return an event as it is handed over, given as it came or decrypted."""
    kind, content, key = raw["type"], raw["content"], raw.get("state_key")
    return Event(
        room_id, raw["event_id"], raw["sender"], kind, content, _time(raw), key, encrypted, source=raw
    )


def unreadable(room_id: str, raw: Json) -> Unreadable:
    """Return what is said of an event without a key."""
    return Unreadable(room_id, raw["event_id"], raw["sender"], _time(raw))


def redacted_by(event: Event) -> str | None:
    """Return the id of the event which another one takes back, None when it takes back none.

    Redactions are never encrypted (Matrix 1.16, "Redactions"): the homeserver checks who may take what back,
    and that only where it can read it.
    """
    if event.kind != "m.room.redaction" or event.encrypted:
        return None
    found = event.source.get("redacts", event.content.get("redacts"))  # there since room version 11
    return found if isinstance(found, str) else None


def edited_by(event: Event) -> str | None:
    """Return the id of the event which another one gives new content to, None when it does not."""
    relation, new = event.content.get("m.relates_to"), event.content.get("m.new_content")
    if not (isinstance(relation, dict) and isinstance(new, dict)) or event.state_key is not None:
        return None
    found = relation.get("event_id")
    return found if relation.get("rel_type") == "m.replace" and isinstance(found, str) else None


def _time(raw: Json) -> datetime:
    # The sender's homeserver's clock, which may show anything.
    try:
        return datetime.fromtimestamp(raw["origin_server_ts"] / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.now(UTC)
