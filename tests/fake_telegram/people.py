"""People and groups on the fake Telegram: what they do becomes updates, what they are told is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fake_telegram.media import Media
    from tests.fake_telegram.server import FakeTelegram

Json = dict[str, Any]

DATE = 1_764_000_000


@dataclass(slots=True)
class Sent:
    """A message of the bot as a chat shows it now: visible `text`, `html` as sent, and its buttons."""

    message_id: int
    text: str
    html: str
    keyboard: list[list[Json]] = field(default_factory=list)
    edits: int = 0
    media: Media | None = None

    def value_of(self, label: str) -> str:
        """Return the callback data of the button `label`."""
        return next(str(b["callback_data"]) for row in self.keyboard for b in row if b["text"] == label)


@dataclass
class Chat:
    """A chat with the bot: the bot's messages in it and its command menu."""

    fake: FakeTelegram
    about: Json
    sent: list[Sent] = field(default_factory=list)
    menu: list[Json] = field(default_factory=list)
    blocked: bool = False

    @property
    def id(self) -> int:
        """The chat's id."""
        return int(self.about["id"])

    @property
    def texts(self) -> list[str]:
        """What the bot's messages read now, oldest first."""
        return [sent.text for sent in self.sent]

    async def hears(self, count: int = 1) -> Sent:
        """Wait until the bot has sent `count` messages here; return the last of them."""
        await self.fake.until(lambda: len(self.sent) >= count)
        return self.sent[count - 1]

    def message(self, sender: Json, /, **content: Any) -> Json:
        """Return a Message of this chat, with a new id."""
        return {
            "message_id": self.fake.next_id(),
            "from": sender,
            "chat": self.about,
            "date": DATE,
            **content,
        }

    def bot_message(self, sent: Sent) -> Json:
        """Return a message of the bot as a Message."""
        said = {"text": sent.text} if sent.media is None else {"caption": sent.text, **sent.media.shown()}
        return {
            "message_id": sent.message_id,
            "from": self.fake.bot,
            "chat": self.about,
            "date": DATE,
            **said,
            "reply_markup": {"inline_keyboard": sent.keyboard},
        }


@dataclass
class Person(Chat):
    """Somebody with a private chat; each method makes one update and returns its id.

    `wrote` are the ids of what they sent.
    """

    wrote: list[int] = field(default_factory=list)

    @property
    def user(self) -> Json:
        """The person as a User."""
        about = {key: value for key, value in self.about.items() if key != "type"}
        return {"is_bot": False, **about}

    def writes(self, text: str, *, into: Group | None = None, **more: Any) -> int:
        """Write `text`, here or into a group; `more` are fields of the Message."""
        entities = {"entities": command} if (command := _command(text)) else {}
        return self.sends(into=into, **{"text": text, **entities, **more})

    def sends(self, *, into: Group | None = None, **content: Any) -> int:
        """Send something else than text: `content` are fields of the Message."""
        message = (into or self).message(self.user, **content)
        self.wrote.append(message["message_id"])
        return self.fake.update(message=message)

    def sends_photo(self, data: bytes, **more: Any) -> int:
        """Send a photo, of which Telegram makes a smaller size too."""
        small, large = (self.fake.media.add("photo", "", part) for part in (data[:10], data))
        return self.sends(photo=[*small.shown()["photo"], *large.shown()["photo"]], **more)

    def sends_document(self, name: str, data: bytes, mimetype: str = "", **more: Any) -> int:
        """Send a file."""
        document = self.fake.media.add("document", name, data).shown()["document"]
        return self.sends(document=document | ({"mime_type": mimetype} if mimetype else {}), **more)

    def edits(self, message_id: int, text: str, *, into: Group | None = None, **more: Any) -> int:
        """Change a message written before; `more` are fields of the Message."""
        message = (into or self).message(self.user, text=text, **more)
        changed = {**message, "message_id": message_id, "edit_date": DATE + 60}
        return self.fake.update(edited_message=changed)

    def presses(self, sent: Sent, label: str, *, inside: Chat | None = None) -> int:
        """Press the button `label` under a message of the bot."""
        return self.forges(sent.value_of(label), sent, inside=inside)

    def forges(self, data: str, sent: Sent, *, inside: Chat | None = None) -> int:
        """Send any callback data as if a button had carried it."""
        query = {
            "id": self.fake.open_query(),
            "from": self.user,
            "message": (inside or self).bot_message(sent),
            "chat_instance": "1",
            "data": data,
        }
        return self.fake.update(callback_query=query)

    def blocks(self) -> int:
        """Block the bot: it is told, and can write here no more."""
        self.blocked = True
        return self._becomes("member", "kicked")

    def unblocks(self) -> int:
        """Let the bot write here again."""
        self.blocked = False
        return self._becomes("kicked", "member")

    def _becomes(self, old: str, new: str) -> int:
        def member(status: str) -> Json:
            until = {"until_date": 0} if status == "kicked" else {}
            return {"user": self.fake.bot, "status": status, **until}

        change = {"chat": self.about, "from": self.user, "date": DATE}
        return self.fake.update(
            my_chat_member={**change, "old_chat_member": member(old), "new_chat_member": member(new)}
        )


@dataclass
class Group(Chat):
    """A group in which the bot is a member."""

    def migrates(self, by: Person) -> Group:
        """Become a supergroup: two service messages; the old chat answers with its new id from now on."""
        new = self.fake.group(-1_000_000_000_000 + self.id, str(self.about["title"]), kind="supergroup")
        self.fake.moved[self.id] = new.id
        self.fake.update(message=self.message(by.user, migrate_to_chat_id=new.id))
        self.fake.update(message=new.message(by.user, migrate_from_chat_id=self.id))
        return new


def _command(text: str) -> list[Json]:
    if not text.startswith("/"):
        return []
    return [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
