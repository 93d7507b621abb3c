"""Telegram's payloads as `Incoming`: a table of named rows."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from markupsafe import Markup
from telegram import Update

from bot.channels.telegram.updates import Itself, to_incoming
from handlers.dialogue.message import Attached, Incoming, Kind

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
BOT = Itself("Aglomeracja_Bot", 999)

Json = dict[str, Any]

ANNA: Json = {
    "id": 77,
    "is_bot": False,
    "first_name": "Anna",
    "last_name": "Nowak",
    "username": "anowak",
    "language_code": "pl",
}
BOT_USER: Json = {"id": 999, "is_bot": True, "first_name": "Bot", "username": "Aglomeracja_Bot"}
PRIVATE: Json = {
    "id": 77,
    "type": "private",
    "first_name": "Anna",
    "last_name": "Nowak",
    "username": "anowak",
}
GROUP: Json = {"id": -500, "type": "group", "title": "Klaster"}
SUPERGROUP: Json = {"id": -1001234567890, "type": "supergroup", "title": "Klaster"}
CHANNEL: Json = {"id": -1009, "type": "channel", "title": "Ogłoszenia"}


def message(chat: Json = PRIVATE, sender: Json = ANNA, **content: Any) -> Json:
    return {"message_id": 12, "date": 1764000000, "chat": chat, "from": sender, **content}


def text(words: str, chat: Json = PRIVATE, **more: Any) -> Json:
    return {"message": message(chat, text=words, **more)}


def entity(kind: str, offset: int, length: int, **more: Any) -> Json:
    return {"type": kind, "offset": offset, "length": length, **more}


def press(**content: Any) -> Json:
    return {"callback_query": {"id": "1", "from": ANNA, "chat_instance": "5", **content}}


def membership(chat: Json, status: str) -> Json:
    new = {"user": BOT_USER, "status": status, **({"until_date": 0} if status == "kicked" else {})}
    old = {"user": BOT_USER, "status": "member"}
    change = {"chat": chat, "from": ANNA, "date": 1764000000, "old_chat_member": old, "new_chat_member": new}
    return {"my_chat_member": change}


def photo(**more: Any) -> Json:
    return {
        "message": message(photo=[{"file_id": "a", "file_unique_id": "b", "width": 9, "height": 9}], **more)
    }


async def download(file_id: str, limit: int) -> bytes:
    """Return what stands for a file."""
    return f"{file_id} {limit}".encode()


def attached(name: str = "", size: int | None = None) -> Attached:
    """Return a file as it is translated; how it is fetched is not compared."""
    return Attached(name, size, partial(download, "a"))


DOCUMENT = {"file_id": "a", "file_unique_id": "b"}
ANIMATION = {**DOCUMENT, "width": 9, "height": 9, "duration": 1}
OURS = {"message_id": 11, "date": 1764000000, "chat": GROUP, "from": BOT_USER, "text": "Będziesz?"}
IN_GROUP = {"address": "-500", "private": False}

ROWS: dict[str, tuple[Json, Json | None]] = {
    # Private chats.
    "text": (text("Kiedy spotkanie?"), {"text": "Kiedy spotkanie?"}),
    "command": (text("/spotkania"), {"text": "/spotkania"}),
    "start with a payload": (text("/start m42"), {"text": "/start m42"}),
    "command for this bot": (text("/rsvp@aglomeracja_bot 42 yes"), {"text": "/rsvp 42 yes"}),
    "command for another bot": (text("/rsvp@other_bot 42 yes"), None),
    "a lone slash": (text("/"), {"text": "/"}),
    "an address is not a mention": (
        text("pisz na me@aglomeracja_bot.pl"),
        {"text": "pisz na me@aglomeracja_bot.pl"},
    ),
    "bold": (
        text("Ważne & pilne", entities=[entity("bold", 0, 5)]),
        {"text": "Ważne & pilne", "markup": Markup("<b>Ważne</b> &amp; pilne")},
    ),
    "emoji count as two units": (
        text("👍 tak", entities=[entity("italic", 3, 3)]),
        {"text": "👍 tak", "markup": Markup("👍 <i>tak</i>")},
    ),
    "a link": (
        text("tu", entities=[entity("text_link", 0, 2, url="https://x.pl/")]),
        {"text": "tu", "markup": Markup('<a href="https://x.pl/">tu</a>')},
    ),
    "a link that runs a script": (
        text("tu", entities=[entity("text_link", 0, 2, url="javascript:alert(1)")]),
        {"text": "tu", "markup": Markup("<a>tu</a>")},
    ),
    "html typed is text": (
        text("<b>x</b> y", entities=[entity("bold", 9, 1)]),
        {"text": "<b>x</b> y", "markup": Markup("&lt;b&gt;x&lt;/b&gt; <b>y</b>")},
    ),
    "a spoiler and a custom emoji are text": (
        text(
            "👍 tajne jawne",
            entities=[
                entity("custom_emoji", 0, 2, custom_emoji_id="1"),
                entity("spoiler", 3, 5),
                entity("underline", 9, 5),
            ],
        ),
        {"text": "👍 tajne jawne", "markup": Markup("👍 tajne <u>jawne</u>")},
    ),
    "a mere hashtag is no formatting": (
        text("#klaster", entities=[entity("hashtag", 0, 8)]),
        {"text": "#klaster"},
    ),
    "no last name": (
        {"message": {**message(text="x"), "from": {"id": 5, "is_bot": False, "first_name": "Jan"}}},
        {"text": "x", "sender": "5", "name": "Jan", "language": None},
    ),
    # Instead of text.
    "photo": (photo(), {"attachment": "photo", "file": attached()}),
    "photo with a caption": (photo(caption="/rsvp 42 yes"), {"attachment": "photo", "file": attached()}),
    "voice": ({"message": message(voice={**DOCUMENT, "duration": 3})}, {"attachment": "voice"}),
    "document": (
        {"message": message(document={**DOCUMENT, "file_name": "a.pdf", "file_size": 9, "mime_type": "x/y"})},
        {"attachment": "document", "file": attached("a.pdf", 9)},
    ),
    "document without a name": (
        {"message": message(document=DOCUMENT)},
        {"attachment": "document", "file": attached()},
    ),
    "animation": ({"message": message(animation=ANIMATION, document=DOCUMENT)}, {"attachment": "animation"}),
    "sticker": (
        {
            "message": message(
                sticker={
                    **DOCUMENT,
                    "width": 9,
                    "height": 9,
                    "type": "regular",
                    "is_animated": False,
                    "is_video": False,
                }
            )
        },
        {"attachment": "sticker"},
    ),
    "location": (
        {"message": message(location={"latitude": 50.8, "longitude": 19.1})},
        {"attachment": "location"},
    ),
    "contact": (
        {"message": message(contact={"phone_number": "+48 34 1", "first_name": "Ewa"})},
        {"attachment": "contact"},
    ),
    "poll": (
        {
            "message": message(
                poll={
                    "id": "1",
                    "question": "?",
                    "options": [],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": False,
                    "members_only": False,
                }
            )
        },
        {"attachment": "poll"},
    ),
    "dice": ({"message": message(dice={"emoji": "🎲", "value": 3})}, {"attachment": "dice"}),
    "newer than the library": (
        {"message": message(rich_message={"blocks": []})},
        {"attachment": "rich_message"},
    ),
    # Presses.
    "press": (
        press(data="/rsvp 42 yes", message={**message(sender=BOT_USER, text="Będziesz?")}),
        {"pressed": "/rsvp 42 yes", "message_ref": "12"},
    ),
    "press in a group": (
        press(data="/rsvp 42 yes", message=message(GROUP, BOT_USER, text="Będziesz?")),
        {"pressed": "/rsvp 42 yes", "message_ref": "12", **IN_GROUP},
    ),
    "press under a message too old to be seen": (
        press(data="/x", message={"message_id": 3, "date": 0, "chat": PRIVATE}),
        {"pressed": "/x", "message_ref": "3"},
    ),
    "press under an inline message": (press(data="/x", inline_message_id="abc"), None),
    "a game": (press(game_short_name="x", message=message(sender=BOT_USER, text="x")), None),
    # Groups.
    "group: nobody asked": (text("kiedy spotkanie?", GROUP), None),
    "group: command": (text("/spotkania", GROUP), {"text": "/spotkania", **IN_GROUP}),
    "group: command for this bot": (
        text("/spotkania@Aglomeracja_Bot", GROUP),
        {"text": "/spotkania", **IN_GROUP},
    ),
    "group: command for another bot": (text("/roll@dice_bot", GROUP), None),
    "group: mention first": (text("@aglomeracja_bot kiedy?", GROUP), {"text": "kiedy?", **IN_GROUP}),
    "group: mention inside": (
        text("Hej @Aglomeracja_Bot, kiedy?", GROUP),
        {"text": "Hej, kiedy?", **IN_GROUP},
    ),
    "group: mention last": (text("kiedy? @aglomeracja_bot", GROUP), {"text": "kiedy?", **IN_GROUP}),
    "group: only the mention": (text("@aglomeracja_bot", GROUP), {"text": "", **IN_GROUP}),
    "group: mention of a longer name": (text("@aglomeracja_bot2 kiedy?", GROUP), None),
    "group: mention with formatting": (
        text("@aglomeracja_bot ważne", GROUP, entities=[entity("mention", 0, 16), entity("bold", 17, 5)]),
        {"text": "ważne", "markup": Markup("<b>ważne</b>"), **IN_GROUP},
    ),
    "group: reply to the bot": (text("będę", GROUP, reply_to_message=OURS), {"text": "będę", **IN_GROUP}),
    "group: reply to a person": (text("będę", GROUP, reply_to_message=message(GROUP, text="?")), None),
    "group: photo as a reply": (
        {"message": {**photo(reply_to_message=OURS)["message"], "chat": GROUP}},
        {"attachment": "photo", "file": attached(), **IN_GROUP},
    ),
    "group: photo": ({"message": {**photo()["message"], "chat": GROUP}}, None),
    "supergroup": (
        text("/spotkania", SUPERGROUP),
        {"text": "/spotkania", "address": "-1001234567890", "private": False},
    ),
    "group: anonymous administrator": (
        {
            "message": message(
                SUPERGROUP,
                {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"},
                sender_chat=SUPERGROUP,
                text="/spotkania",
            )
        },
        None,
    ),
    "group: post of the linked channel": (
        {
            "message": message(
                SUPERGROUP,
                {"id": 777000, "is_bot": False, "first_name": "Telegram"},
                sender_chat=CHANNEL,
                is_automatic_forward=True,
                text="/spotkania",
            )
        },
        None,
    ),
    "group: another bot": ({"message": message(GROUP, {**BOT_USER, "id": 5}, text="/spotkania")}, None),
    "group: somebody joined": ({"message": message(GROUP, new_chat_members=[ANNA])}, None),
    "private: something pinned": ({"message": message(pinned_message=message(text="x"))}, None),
    "channel post": ({"channel_post": {"message_id": 1, "date": 1, "chat": CHANNEL, "text": "/x"}}, None),
    # What happens to a chat.
    "edited": (
        {"edited_message": message(text="poprawka", edit_date=1764000060)},
        {"text": "poprawka", "kind": Kind.EDITED},
    ),
    "edited in a group without asking": (
        {"edited_message": message(GROUP, text="poprawka", edit_date=1)},
        None,
    ),
    "live location moves": (
        {"edited_message": message(location={"latitude": 1.0, "longitude": 1.0}, edit_date=1)},
        None,
    ),
    "blocked": (membership(PRIVATE, "kicked"), {"kind": Kind.CLOSED}),
    "unblocked": (membership(PRIVATE, "member"), None),
    "removed from a group": (membership(GROUP, "left"), None),
    "became a supergroup": (
        {"message": message(GROUP, migrate_to_chat_id=-1001234567890)},
        {"kind": Kind.MOVED, "moved_to": "-1001234567890", **IN_GROUP, "name": "", "language": None},
    ),
    "became a supergroup, by an anonymous administrator": (
        {
            "message": message(
                GROUP,
                {"id": 1087968824, "is_bot": True, "first_name": "Group"},
                sender_chat=GROUP,
                migrate_to_chat_id=-1001234567890,
            )
        },
        {
            "kind": Kind.MOVED,
            "moved_to": "-1001234567890",
            **IN_GROUP,
            "sender": "1087968824",
            "name": "",
            "language": None,
        },
    ),
    "the twin in the supergroup": ({"message": message(SUPERGROUP, migrate_from_chat_id=-500)}, None),
    "a kind of update not asked for": (
        {"poll_answer": {"poll_id": "1", "user": ANNA, "option_ids": [0], "option_persistent_ids": ["a"]}},
        None,
    ),
}


def written_in(payload: Json) -> str | None:
    """Return the id of what somebody wrote."""
    message = payload.get("message") or payload.get("edited_message") or {}
    service = not message or "migrate_to_chat_id" in message
    return None if service else str(message["message_id"])


@pytest.mark.parametrize(("payload", "expected"), ROWS.values(), ids=ROWS.keys())
def test_what_telegram_sends_as_incoming(payload: Json, expected: Json | None) -> None:
    update = Update.de_json({"update_id": 4711, **payload}, None)
    common = {
        "channel": "telegram",
        "event_id": "4711",
        "sender": "77",
        "address": "77",
        "received_at": NOW,
        "ref": written_in(payload),
        "name": "Anna Nowak",
        "language": "pl",
    }
    incoming = None if expected is None else Incoming(**{**common, **expected})
    assert to_incoming(update, BOT, NOW, download) == incoming


async def test_of_a_photo_the_largest_size_is_fetched() -> None:
    sizes = [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9} for name in ("s", "m", "l")]
    update = Update.de_json({"update_id": 1, "message": message(photo=sizes)}, None)
    incoming = to_incoming(update, BOT, NOW, download)
    assert incoming is not None
    assert incoming.file is not None
    assert await incoming.file.fetch(5) == b"l 5"
