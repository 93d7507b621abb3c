"""The neutral messages: what comes in from any channel and what goes out to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from markupsafe import Markup

MAX_OPTIONS = 6
"""How many options a message may carry: more do not fit on a phone at a glance."""

MAX_VALUE_BYTES = 64
"""How long an option's value may be: Telegram's limit for `callback_data` (Bot API)."""


class Kind(StrEnum):
    """What happened on the channel."""

    MESSAGE = "message"
    """Somebody wrote, pressed or sent something."""
    REACTION = "reaction"
    """Somebody reacted to a message of ours; `text` is the emoji. One that chooses nothing is let be."""
    EDITED = "edited"
    """Somebody changed a message sent before; `text` is the new wording."""
    CLOSED = "closed"
    """The person blocked the bot or left: nothing reaches `address` any more."""
    MOVED = "moved"
    """The chat `address` goes on under the address `moved_to`."""
    ROOM = "room"
    """Who is in the chat `address`, where the bot is with several people: `room` tells."""


@dataclass(frozen=True, slots=True)
class RoomState:
    """A chat of several people: what they call it, and the platform's ids of those who are in it."""

    title: str
    people: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One thing that a person did on a channel: wrote, pressed or sent.

    `channel` names the channel ("telegram", "web"), `event_id` is unique within it; `sender` is the
    platform's id of the person and `address` that of the chat to answer in. `text` is what was typed;
    `markup` is the same with its formatting, as clean markup. `pressed` is the value of a pressed option
    and `message_ref` the platform's id of the message which carried it; `answers` is the id of the message
    that a reply or a reaction refers to, and `thread` the id under which it was written, where the platform
    knows threads: what is said back goes there. `attachment` names what came
    instead of text ("photo", "voice", …). `name` and `language` (a code like "pl") are what the platform
    says of the person. `private` is false in a group, where only what is addressed to the bot arrives;
    `aside` is then an address under which a chat with the sender alone is opened, where the platform lets
    the bot do that.
    `received_at` is an aware UTC time.
    """

    channel: str
    event_id: str
    sender: str
    address: str
    received_at: datetime
    kind: Kind = Kind.MESSAGE
    text: str = ""
    markup: Markup | None = None
    pressed: str | None = None
    message_ref: str | None = None
    answers: str | None = None
    thread: str | None = None
    attachment: str | None = None
    name: str = ""
    language: str | None = None
    private: bool = True
    aside: str | None = None
    moved_to: str | None = None
    room: RoomState | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A choice offered under a message.

    `value` is a command line ("/rsvp 42 yes"): pressing the option equals typing it.
    """

    label: str
    value: str

    def __post_init__(self) -> None:
        """Raise ValueError when the value is longer than `MAX_VALUE_BYTES`."""
        if not 0 < len(self.value.encode()) <= MAX_VALUE_BYTES:
            raise ValueError(f"an option's value takes 1 to {MAX_VALUE_BYTES} bytes: {self.value!r}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to a person: clean markup, up to six options.

    `replaces` is the platform's id of a message of ours that this one takes the place of (an edit), and
    `thread` the id of the thread that it belongs to.
    `rings`: everybody in a room is to notice it.
    `menu` is the list of commands (name without slash, description) which the chat shows from now on,
    where the platform has such a list; empty: as before.
    """

    text: Markup
    options: tuple[Option, ...] = ()
    replaces: str | None = None
    menu: tuple[tuple[str, str], ...] = ()
    thread: str | None = None
    rings: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError when there are more than `MAX_OPTIONS` options."""
        if len(self.options) > MAX_OPTIONS:
            raise ValueError(f"at most {MAX_OPTIONS} options fit under a message")

    def to_json(self) -> dict[str, Any]:
        """Return the message as the JSON object kept in the store."""
        body: dict[str, Any] = {"text": str(self.text)}
        if self.options:
            body["options"] = [[option.label, option.value] for option in self.options]
        if self.replaces is not None:
            body["replaces"] = self.replaces
        if self.thread is not None:
            body["thread"] = self.thread
        if self.rings:
            body["rings"] = True
        if self.menu:
            body["menu"] = [list(entry) for entry in self.menu]
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Return the message that `to_json` wrote; the stored text is trusted to be clean markup."""
        options = tuple(Option(label, value) for label, value in body.get("options", ()))
        menu = tuple((name, description) for name, description in body.get("menu", ()))
        text = Markup(body["text"])  # noqa: S704 - it was clean when it was stored
        return cls(text, options, body.get("replaces"), menu, body.get("thread"), body.get("rings", False))
