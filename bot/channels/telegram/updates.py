"""Telegram's updates translated into `Incoming`; nothing is decided here."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from markupsafe import Markup
from telegram import (
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberUpdated,
    Document,
    Message,
    PhotoSize,
    Update,
    User,
)

from handlers.dialogue.markup import clean_markup
from handlers.dialogue.message import Attached, Incoming, Kind

CHANNEL = "telegram"

_FORMATTING = frozenset(
    {
        "bold", "italic", "underline", "strikethrough", "code", "pre", "blockquote", "expandable_blockquote",
        "text_link",
    }
)  # fmt: skip
# Bot API: an animation is also a document, a venue also a location: the more telling name first.
_ATTACHMENTS = (
    "photo", "voice", "video", "video_note", "animation", "audio", "document", "sticker", "contact", "venue",
    "location", "poll", "dice", "story", "game", "checklist", "paid_media", "live_photo", "rich_message",
)  # fmt: skip
_FILES = frozenset({"photo", "document"})
_LEFT = frozenset({ChatMember.BANNED, ChatMember.LEFT})
_COMMAND = re.compile(r"/\w+(?:@(\w+))?")


Download = Callable[[str, int], Awaitable[bytes]]
"""Fetches a file by its id; raises when it has more than so many bytes."""


class Itself(NamedTuple):
    """The bot as Telegram knows it: its user name without "@", and its id."""

    username: str
    id: int


def to_incoming(update: Update, itself: Itself, received_at: datetime, download: Download) -> Incoming | None:
    """Return what `update` says to the bot `itself`, or None when it is no business of the bot's.

    `download` fetches a file by its id; it is not called here.
    """
    event = _Event(str(update.update_id), itself, received_at, download)
    if update.message is not None:
        return _from_message(update.message, event)
    if update.callback_query is not None:
        return _from_press(update.callback_query, event)
    if update.edited_message is not None:
        return _from_edit(update.edited_message, event)
    if update.my_chat_member is not None:
        return _from_membership(update.my_chat_member, event)
    return None


class _Event(NamedTuple):
    id: str
    itself: Itself
    received_at: datetime
    download: Download


def _from_message(message: Message, event: _Event) -> Incoming | None:
    if message.migrate_to_chat_id:
        return _from_migration(message, message.migrate_to_chat_id, event)
    person = _person_in(message)
    if person is None:
        return None
    attachment = None if message.text else _attachment(message)
    if not message.text and attachment is None:
        return None  # a service message: somebody joined, a title changed, …
    return _incoming(message, person, event, attachment)


def _incoming(message: Message, person: User, event: _Event, attachment: str | None) -> Incoming | None:
    itself, text = event.itself, message.text or ""
    command = _COMMAND.match(text)
    if command is not None and (command[1] or itself.username).lower() != itself.username.lower():
        return None
    private = message.chat.type == Chat.PRIVATE
    named = _mention(itself.username).search(message.text or message.caption or "") is not None
    if not (private or named or command or _answers(message, itself.id)):
        return None
    return Incoming(
        channel=CHANNEL,
        event_id=event.id,
        sender=str(person.id),
        address=str(message.chat.id),
        received_at=event.received_at,
        ref=str(message.message_id),
        text=_without_name(text, itself) if named else text,
        markup=_markup(message, itself),
        attachment=attachment,
        file=_attached(message, event.download) if attachment in _FILES else None,
        name=person.full_name,
        language=person.language_code,
        private=private,
    )


def _person_in(message: Message) -> User | None:
    # Bot API: `sender_chat` stands for an anonymous administrator, a channel or a group; `from_user` is then
    # a made-up bot or "Telegram". Nobody is there who could be answered or given a right.
    person = message.from_user
    if person is None or person.is_bot or message.sender_chat is not None:
        return None
    return person if message.chat.type in {Chat.PRIVATE, Chat.GROUP, Chat.SUPERGROUP} else None


def _attachment(message: Message) -> str | None:
    for name in _ATTACHMENTS:
        # What is newer than the installed python-telegram-bot stands in `api_kwargs`.
        if getattr(message, name, None) or message.api_kwargs.get(name):
            return name
    return None


def _attached(message: Message, download: Download) -> Attached:
    """Return the file of a message: of a photo, which has no name, the largest of its sizes."""
    if message.document is not None:
        sent: Document | PhotoSize = message.document
        name = message.document.file_name or ""
    else:
        sent, name = message.photo[-1], ""
    return Attached(name, sent.file_size, partial(download, sent.file_id))


def _answers(message: Message, bot_id: int) -> bool:
    replied = message.reply_to_message
    return replied is not None and replied.from_user is not None and replied.from_user.id == bot_id


def _markup(message: Message, itself: Itself) -> Markup | None:
    if not any(entity.type in _FORMATTING for entity in message.entities):
        return None
    return clean_markup(_without_name(message.text_html, itself))


@lru_cache(maxsize=4)
def _mention(username: str) -> re.Pattern[str]:
    # Either after a command or on its own, but not inside an address ("me@bot.pl", "t.me/@bot").
    return re.compile(rf"^(/\w+)@{username}\b|\s*(?<![\w/.@])@{username}\b", re.IGNORECASE)


def _without_name(text: str, itself: Itself) -> str:
    return _mention(itself.username).sub(lambda found: found[1] or "", text).strip()


def _from_edit(message: Message, event: _Event) -> Incoming | None:
    # A live location or a game comes as a stream of edits: only a changed text is somebody's words.
    incoming = _from_message(message, event) if message.text else None
    return None if incoming is None else replace(incoming, kind=Kind.EDITED)


def _from_press(query: CallbackQuery, event: _Event) -> Incoming | None:
    # Bot API: no `message` under an inline message, which this bot never sends; no `data` for a game. An
    # InaccessibleMessage (too old) still has its chat and id.
    message, person = query.message, query.from_user
    if message is None or query.data is None or message.chat.type == Chat.CHANNEL:
        return None
    return Incoming(
        channel=CHANNEL,
        event_id=event.id,
        sender=str(person.id),
        address=str(message.chat.id),
        received_at=event.received_at,
        pressed=query.data,
        message_ref=str(message.message_id),
        name=person.full_name,
        language=person.language_code,
        private=message.chat.type == Chat.PRIVATE,
    )


def _from_membership(change: ChatMemberUpdated, event: _Event) -> Incoming | None:
    # Bot API: in a private chat this comes only when the person blocked or unblocked the bot.
    if change.chat.type != Chat.PRIVATE or change.new_chat_member.status not in _LEFT:
        return None
    person = change.from_user
    return Incoming(
        channel=CHANNEL,
        event_id=event.id,
        sender=str(person.id),
        address=str(change.chat.id),
        received_at=event.received_at,
        kind=Kind.CLOSED,
        name=person.full_name,
        language=person.language_code,
    )


def _from_migration(message: Message, moved_to: int, event: _Event) -> Incoming:
    # Bot API: the new supergroup gets a twin of this message with `migrate_from_chat_id`: nothing new there.
    return Incoming(
        channel=CHANNEL,
        event_id=event.id,
        sender=str(message.from_user.id) if message.from_user else "",
        address=str(message.chat.id),
        received_at=event.received_at,
        kind=Kind.MOVED,
        private=False,
        moved_to=str(moved_to),
    )
