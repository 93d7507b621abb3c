"""Matrix events translated into `Incoming`; nothing is decided here.

Events come from strangers' programs and may hold any JSON in any field: what is not as the specification has
it (Matrix 1.16, client-server API) counts as not there.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from markupsafe import Markup

from bot.channels.matrix import CHANNEL
from handlers.dialogue.markup import clean_markup
from handlers.dialogue.message import Attached, Incoming, Kind, RoomState

MESSAGES = frozenset({"m.room.message", "m.reaction", "m.sticker"})
"""The types of events by which people speak."""

Json = dict[str, Any]

Download = Callable[[Json, int], Awaitable[bytes]]
"""Fetches the file that an event's content speaks of; raises when it has more than so many bytes."""

_TEXTS = frozenset({"m.text", "m.emote"})
_ATTACHMENTS = {
    "m.image": "photo",
    "m.audio": "audio",
    "m.video": "video",
    "m.file": "document",
    "m.location": "location",
}
_FILES = frozenset({"photo", "document"})
_COMMAND = re.compile(r"\A!(?=\w)")
_QUOTE = re.compile(r"(?:> ?[^\n]*\n)+\n?")
_QUOTED_HTML = re.compile(r"<mx-reply>.*?</mx-reply>", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|h[1-6]|li)>", re.IGNORECASE)
MAX_FORMATTED = 20_000
"""So many characters of formatted text are read; longer ones are taken as plain."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event was seen: the room, and whether it is a direct chat.

    `bot` is the bot's user id, `called` its name there, and `name` the sender's.
    """

    room: str
    direct: bool
    bot: str
    called: str = ""
    name: str = ""


def to_incoming(event: Json, place: Place, received_at: datetime, download: Download) -> Incoming | None:
    """Return what a decrypted event says to the bot, None when it is no business of the bot's.

    `download` fetches the file that an event speaks of; it is not called here.
    """
    sender, event_id, content = event.get("sender"), event.get("event_id"), event.get("content")
    if not (isinstance(sender, str) and isinstance(event_id, str) and isinstance(content, dict)):
        return None
    if sender == place.bot or not content:  # our own, or redacted
        return None
    said = {"m.room.message": _message, "m.reaction": _reaction, "m.sticker": _sticker}.get(
        str(event.get("type")), _nothing
    )(content)
    reaction = said is not None and said.get("kind") is Kind.REACTION  # to a message of the bot's, perhaps
    if said is None or not (place.direct or reaction or _is_meant(content, place)):
        return None
    if not (place.direct or reaction) and "text" in said:
        said["text"] = _without_name(said["text"], place)
    if said.get("attachment") in _FILES:
        said["file"] = _attached(content, download)
    if event.get("type") == "m.room.message":
        said = {"ref": event_id, **said}
    return Incoming(
        channel=CHANNEL,
        event_id=event_id,
        sender=sender,
        address=place.room,
        received_at=received_at,
        name=place.name,
        private=place.direct,
        aside=None if place.direct else sender,
        **said,
    )


def closed(room: str, received_at: datetime) -> Incoming:
    """Return that nothing reaches a room any more."""
    return _of_room(Kind.CLOSED, room, f"closed {room} {received_at.timestamp()}", received_at)


def inhabited(room: str, state: RoomState, received_at: datetime) -> Incoming:
    """Return who is in a room with others, and what it is called."""
    said = _of_room(Kind.ROOM, room, f"room {room} {received_at.timestamp()}", received_at)
    return replace(said, room=state)


def moved(room: str, successor: str, event_id: str, received_at: datetime) -> Incoming:
    """Return that a room goes on in its successor."""
    return replace(_of_room(Kind.MOVED, room, event_id, received_at), moved_to=successor)


def _of_room(kind: Kind, room: str, event_id: str, received_at: datetime) -> Incoming:
    """Return what is said of a room and by nobody."""
    return Incoming(
        channel=CHANNEL, event_id=event_id, sender="", address=room, received_at=received_at, kind=kind
    )


def _message(content: Json) -> Json | None:
    """Return the fields of an `m.room.message`: a text, an attachment or an edit."""
    relation = _relation(content)
    if relation.get("rel_type") == "m.replace":
        return _edit(content.get("m.new_content"), relation.get("event_id"))
    kind = str(content.get("msgtype"))
    if kind in _ATTACHMENTS:
        return {"attachment": _ATTACHMENTS[kind], **_relations(relation)}
    words = _words(content)
    return words and {**words, **_relations(relation)}


def _edit(new: object, original: object) -> Json | None:
    """Return the fields of an edit: the new wording, and which message it is of."""
    words = _words(new) if isinstance(new, dict) and isinstance(original, str) else None
    return words and {"kind": Kind.EDITED, "ref": original, **words}


def _words(content: Json) -> Json | None:
    """Return the fields of a text, None when it is something else."""
    text = _text(content)
    if str(content.get("msgtype")) not in _TEXTS or text is None:
        return None  # m.notice is how bots speak: nobody answers those
    answered = isinstance(_relation(content).get("m.in_reply_to"), dict)
    text = _COMMAND.sub("/", _without_quote(text) if answered else text)
    return {"text": text, "markup": _markup(content)}


def _attached(content: Json, download: Download) -> Attached:
    """Return the file of a message: its name stands in `filename`, or in `body` where there is no caption."""
    info = content.get("info")
    size = info.get("size") if isinstance(info, dict) else None
    name = content.get("filename", content.get("body"))
    return Attached(
        name if isinstance(name, str) else "",
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        partial(download, content),
    )


def _without_quote(text: str) -> str:
    """Return a reply without the quotation that older clients put before it."""
    return _QUOTE.sub("", text, count=1) if text.startswith("> ") else text


def _reaction(content: Json) -> Json | None:
    """Return the fields of an `m.reaction`."""
    relation = _relation(content)
    key, answered = relation.get("key"), relation.get("event_id")
    if not (isinstance(key, str) and isinstance(answered, str)):
        return None
    return {"kind": Kind.REACTION, "text": key, "answers": answered}


def _sticker(content: Json) -> Json:
    """Return the fields of an `m.sticker`."""
    return {"attachment": "sticker", **_relations(_relation(content))}


def _nothing(_content: Json) -> None:
    """Return nothing for any other event."""


def _relations(relation: Json) -> Json:
    """Return what a message answers and the thread that it stands in."""
    fields = Json()
    if relation.get("rel_type") == "m.thread" and isinstance(relation.get("event_id"), str):
        fields["thread"] = relation["event_id"]
        if relation.get("is_falling_back"):  # then the reply is for clients without threads
            return fields
    reply = relation.get("m.in_reply_to")
    if isinstance(reply, dict) and isinstance(reply.get("event_id"), str):
        fields["answers"] = reply["event_id"]
    return fields


def _relation(content: Json) -> Json:
    relation = content.get("m.relates_to")
    return relation if isinstance(relation, dict) else {}


def _text(content: Json) -> str | None:
    body = content.get("body")
    return body if isinstance(body, str) else None


def _markup(content: Json) -> Markup | None:
    """Return the formatted text as clean markup, None where there is none."""
    html = content.get("formatted_body")
    if not isinstance(html, str) or content.get("format") != "org.matrix.custom.html":
        return None
    if len(html) > MAX_FORMATTED:
        return None
    lines = _BREAK.sub("\n", _QUOTED_HTML.sub("", html).replace("\n", " "))
    return clean_markup(lines).strip()


def _is_meant(content: Json, place: Place) -> bool:
    """Return whether a message in a room with others mentions the bot.

    Clients mention whoever wrote the message that is answered: such a reply is for the bot when it names it.
    """
    relation = _relation(content)
    new = content.get("m.new_content") if relation.get("rel_type") == "m.replace" else None
    # Matrix 1.16, "Event replacements": an edit itself names only those who were not mentioned before.
    mentions = (new if isinstance(new, dict) else content).get("m.mentions")
    users = mentions.get("user_ids") if isinstance(mentions, dict) else None
    if not isinstance(users, list) or place.bot not in users:
        return False
    return "answers" not in _relations(relation) or _is_named(content, place)


def _is_named(content: Json, place: Place) -> bool:
    """Return whether the words of a message name the bot."""
    words = _without_quote(_text(content) or "").casefold()
    return any(name.casefold() in words for name in _names(place))


def _names(place: Place) -> list[str]:
    """Return what the bot is called in a room, the longest name first."""
    names = {place.bot[1:], place.bot[1:].partition(":")[0], place.called} - {""}
    return sorted(names, key=len, reverse=True)


def _without_name(text: str, place: Place) -> str:
    """Return what was said to the bot without its name in front, and a command as one."""
    name = "|".join(re.escape(one) for one in _names(place))
    return _COMMAND.sub("/", re.sub(rf"\A\s*@?(?:{name})\s*[:,]?\s*", "", text, count=1, flags=re.IGNORECASE))
