"""What a member's client shows of an event, in the words of a person who reads it."""

from dataclasses import dataclass, field
from typing import Any, Self

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shield:
    """The warning beside a message: its colour, "grey" or "red", and why, "UNSIGNED_DEVICE" for instance."""

    colour: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that others did.

    `type` is Matrix's own ("m.room.message", "m.reaction", "m.receipt", "m.typing", ...), "undecryptable",
    "membership" for the member's own in a room, "trust" when somebody's devices or identity change, or
    "verification". `content` is decrypted.
    """

    type: str
    room_id: str = ""
    sender: str = ""
    event_id: str = ""
    state_key: str | None = None
    content: Json = field(default_factory=dict)
    relation: Json = field(default_factory=dict)
    redacts: str | None = None
    encrypted: bool = False
    shield: Shield | None = None

    @classmethod
    def from_json(cls, told: Json) -> Self:
        """Return what the client told."""
        shield = told.get("shield")
        return cls(**told | {"shield": None if shield is None else Shield(**shield)})

    @property
    def text(self) -> str:
        """The text, as it reads after an edit."""
        return str(self._shown.get("body", ""))

    @property
    def html(self) -> str:
        """The text with its formatting, empty when there is none."""
        return str(self._shown.get("formatted_body", ""))

    @property
    def msgtype(self) -> str:
        """The kind of message: "m.text", "m.notice", "m.image", ..."""
        return str(self._shown.get("msgtype", ""))

    @property
    def mentions(self) -> list[str]:
        """Who is mentioned, and so notified."""
        return list(self._shown.get("m.mentions", {}).get("user_ids", ()))

    @property
    def edit_of(self) -> str:
        """The id of the message that this one replaces."""
        return self._related("m.replace")

    @property
    def thread(self) -> str:
        """The id of the message under which this one stands in a thread."""
        return self._related("m.thread")

    @property
    def reaction_to(self) -> str:
        """The id of the message to which this is a reaction."""
        return self._related("m.annotation")

    @property
    def reaction(self) -> str:
        """What somebody reacts with."""
        return str(self.relation.get("key", ""))

    @property
    def reply_to(self) -> str:
        """The id of the message that is answered; in a thread that is also for clients without threads."""
        return str(self.relation.get("m.in_reply_to", {}).get("event_id", ""))

    @property
    def _shown(self) -> Json:
        new: Json = self.content.get("m.new_content", {}) if self.edit_of else self.content
        return new

    def _related(self, kind: str) -> str:
        return str(self.relation["event_id"]) if self.relation.get("rel_type") == kind else ""
