"""People on the homeserver who talk with the bot, through a client which is not ours.

async with member(server, "anna", Mode.SIGNED_ONLY) as anna:
    await anna.opens(bot.user_id)
    await anna.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")
    await anna.presses("Menu", "Po prostu napisz pytanie")
"""

import re
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tests.homeserver.client import Client, Found, running_client
from tests.homeserver.event import Event, Json
from tests.homeserver.synapse import Account, Homeserver

MESSAGE = "m.room.message"
REACTION = "m.reaction"

_OPTION = re.compile("^([1-9]\ufe0f?\u20e3|[0-9]+[.)]) (.+)$", re.MULTILINE)
"""An option in a message: "1\ufe0f\u20e3 Label" or "1. Label"."""


class Mode(StrEnum):
    """How a member's client treats encryption.

    ENCRYPTED is Element as it comes. SIGNED_ONLY neither sends keys to devices that their owner has not
    signed nor shows what comes from them (MSC4153). PLAIN opens chats that are not encrypted.
    """

    ENCRYPTED = "encrypted"
    SIGNED_ONLY = "signed-only"
    PLAIN = "plain"


@dataclass(frozen=True)
class Identity:
    """What a member's client knows of somebody; `signed` says of each device whether its owner signed it."""

    has_identity: bool
    identity_changed: bool
    signed: dict[str, bool]


class Member:
    """A person with a client; `room` is the chat they are in, `seen` everything that others did."""

    def __init__(self, client: Client, name: str, account: Account, mode: Mode) -> None:
        """Take a client which has been started for the account."""
        self.name, self.account, self.mode = name, account, mode
        self.user_id = account.user_id
        self.seen = client.seen
        self.room = ""
        self._client = client
        self._heard = 0

    # What they do.

    async def opens(self, user_id: str, text: str = "", *, waits: bool = True) -> str:
        """Open a direct chat, begin it with a text if there is one, and wait for the other to join."""
        encrypted = self.mode is not Mode.PLAIN
        self.room = (await self._ask("open", user=user_id, encrypted=encrypted))["room_id"]
        event_id = await self.sends(text) if text else ""
        if waits:
            await self.sees(lambda event: self._joins(event, user_id))
        return event_id

    async def gathers(self, name: str, *user_ids: str) -> str:
        """Make an encrypted room with a name, be in it, invite people, and return its id."""
        self.room = (await self._ask("gather", name=name, users=list(user_ids)))["room_id"]
        return self.room

    async def accepts(self) -> str:
        """Wait for an invitation and accept it; be in that room and return its id."""

        async def find() -> str | None:
            mine = {
                event.room_id: event.content["membership"]
                for event in self.seen
                if event.type == "membership"
            }
            return next((room for room, membership in mine.items() if membership == "invite"), None)

        await self.joins(await self._until(find, lambda: "get an invitation"))
        return self.room

    async def says(self, text: str, *expected: str) -> str:
        """Write a text, wait for answers that hold what is expected, and return what they say.

        What came before counts as heard.
        """
        self._heard = len(self.seen)
        await self.sends(text)
        return await self.hears(*expected) if expected else ""

    async def presses(self, label: str, *expected: str) -> str:
        """Choose the newest option of this label, by a reaction where its number invites one."""
        event, mark = self._option(label)
        self._heard = len(self.seen)
        if mark.endswith("\u20e3"):
            await self.reacts(mark, event.edit_of or event.event_id)
        else:
            await self.sends(mark.strip(".)"))
        return await self.hears(*expected) if expected else ""

    async def sends(
        self, text: str, *, html: str = "", reply_to: str = "", thread: str = "", mentions: Sequence[str] = ()
    ) -> str:
        """Send a message and return its id; `reply_to` and `thread` are ids of messages."""
        content: Json = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        if html:
            content |= {"format": "org.matrix.custom.html", "formatted_body": html}
        if mentions:
            content["m.mentions"] = {"user_ids": list(mentions)}
        if thread or reply_to:
            content["m.relates_to"] = _relation(reply_to, thread)
        return await self.sends_event(MESSAGE, content)

    async def edits(self, event_id: str, text: str) -> str:
        """Replace a message of theirs and return the id of the edit."""
        new: Json = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        content = new | {"body": f"* {text}", "m.new_content": new, "m.relates_to": relation}
        return await self.sends_event(MESSAGE, content)

    async def reacts(self, key: str, event_id: str) -> str:
        """React to a message and return the id of the reaction."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.sends_event(REACTION, {"m.relates_to": relation})

    async def redacts(self, event_id: str) -> str:
        """Take back a message or a reaction of theirs and return the id of the redaction."""
        return str((await self._ask("redact", room=self.room, event=event_id))["event_id"])

    async def sends_file(self, name: str, data: bytes, mimetype: str = "application/octet-stream") -> str:
        """Send a file, or a picture when its type says so, and return the message's id."""
        encoded = b64encode(data).decode()
        named = await self._ask("upload", room=self.room, name=name, mimetype=mimetype, data=encoded)
        msgtype = "m.image" if mimetype.startswith("image/") else "m.file"
        return await self.sends_event(MESSAGE, {"msgtype": msgtype, "body": name, **named})

    async def sends_event(self, kind: str, content: Json, txn: str | None = None) -> str:
        """Send any event, encrypted where the room is, and return its id."""
        sent = await self._ask("send", room=self.room, type=kind, content=content, txn=txn)
        return str(sent["event_id"])

    async def sets_state(self, kind: str, content: Json, key: str = "") -> str:
        """Change the room's state and return the event's id."""
        sent = await self._ask("state", room=self.room, type=kind, content=content, key=key)
        return str(sent["event_id"])

    async def reads(self, event_id: str) -> None:
        """Let the others know that they have read up to a message."""
        await self._ask("read", room=self.room, event=event_id)

    async def types(self, *, on: bool = True) -> None:
        """Begin or end to type."""
        await self._ask("type", room=self.room, on=on)

    async def asks_to_verify(self, user_id: str) -> None:
        """Ask somebody to verify them; what becomes of it is seen as events "verification"."""
        await self._ask("verify", room=self.room, user=user_id)

    async def joins(self, room_id: str) -> None:
        """Join a room and be in it."""
        await self._ask("join", room=room_id)
        self.room = room_id

    async def leaves(self) -> None:
        """Leave the room."""
        await self._ask("leave", room=self.room)

    async def invites(self, user_id: str) -> None:
        """Invite somebody into the room."""
        await self._ask("invite", room=self.room, user=user_id)

    async def removes(self, user_id: str) -> None:
        """Remove somebody from the room."""
        await self._ask("remove", room=self.room, user=user_id)

    async def upgrades(self, version: str = "11") -> str:
        """Replace the room by one of another version, be in that, and return its id; invites nobody."""
        self.room = (await self._ask("upgrade", room=self.room, version=version))["room_id"]
        return self.room

    async def signs(self, device_id: str) -> None:
        """Sign another device of theirs, which is what verifying it does."""
        await self._ask("sign", device_id=device_id)

    async def discards_key(self) -> None:
        """Forget the key for the room, so that the next message comes with a new one."""
        await self._ask("discard", room=self.room)

    # What they notice.

    async def hears(self, *expected: str) -> str:
        """Wait for messages and edits since the last time that hold what is expected; return what they say.

        Without anything expected it is the next one.
        """
        texts = list[str]()

        async def hear() -> str | None:
            return self._hear(texts, expected)

        return await self._until(hear, lambda: f"hear {expected!r} but {texts!r}")

    async def sees(self, test: Callable[[Event], bool]) -> Event:
        """Return the first event of this kind, whenever it came; wait for it if it has not come yet."""

        async def find() -> Event | None:
            return next(filter(test, self.seen), None)

        return await self._until(find, lambda: f"see it, but at last {self.seen[-5:]}")

    async def knows(self, user_id: str, test: Callable[[Identity], bool] = bool) -> Identity:
        """Return what their client knows of somebody, once it is what is waited for."""

        async def ask() -> Identity | None:
            known = Identity(**await self._ask("devices", user=user_id))
            return known if test(known) else None

        return await self._until(ask, lambda: f"learn it of {user_id}")

    def screen(self) -> dict[str, Event]:
        """Return the others' messages by id as they read now: edited, and without what was taken back."""
        shown = dict[str, Event]()
        for event in self.seen:
            if event.redacts is not None:
                shown.pop(event.redacts, None)
            elif event.type == MESSAGE:
                shown[event.edit_of or event.event_id] = event
        return shown

    def labels(self) -> list[str]:
        """Return the labels of the options in the newest message."""
        return [
            label for event in list(self.screen().values())[-1:] for _, label in _OPTION.findall(event.text)
        ]

    async def downloads(self, event: Event) -> bytes:
        """Return the file of a message; fails when it is not the one that was announced."""
        return b64decode((await self._ask("download", content=event.content))["data"])

    async def _ask(self, command: str, **what: Any) -> Json:
        return await self._client.ask(command, **what)

    def _joins(self, event: Event, user_id: str) -> bool:
        """Return whether somebody joins the room with an event."""
        if event.type != "m.room.member" or (event.room_id, event.state_key) != (self.room, user_id):
            return False
        return bool(event.content["membership"] == "join")

    def _hear(self, texts: list[str], expected: Sequence[str]) -> str | None:
        """Hear one message after the other until what is expected was heard, and return it all."""
        while self._heard < len(self.seen):
            event = self.seen[self._heard]
            self._heard += 1
            if event.type == MESSAGE:
                texts.append(event.text)
                heard = "\n\n".join(texts)
                if all(one in heard for one in expected):
                    return heard
        return None

    async def _until(self, look: Callable[[], Awaitable[Found | None]], what: Callable[[], str]) -> Found:
        """Return what is waited for; fails with what happened instead."""
        try:
            return await self._client.until(look)
        except TimeoutError:
            unread = [event.content["reason"] for event in self.seen if event.type == "undecryptable"]
            missed = f" and could not decrypt: {unread}" if unread else ""
            raise AssertionError(f"{self.name} did not {what()}{missed}") from None

    def _option(self, label: str) -> tuple[Event, str]:
        """Return the newest message that offers a label, and the mark before it."""
        for event in reversed(self.screen().values()):
            for mark, offered in _OPTION.findall(event.text):
                if offered == label:
                    return event, mark
        raise AssertionError(f"{self.name} sees no option {label!r}, only {self.labels()}")


@asynccontextmanager
async def member(
    server: Homeserver, name: str, mode: Mode = Mode.ENCRYPTED, *, account: Account | None = None
) -> AsyncIterator[Member]:
    """Give somebody new with an identity and a device; or, with an account, a further device of theirs.

    That one has no part in the identity until `signs` has signed it. Raises FileNotFoundError when the
    client is not installed.
    """
    used = server.register(name) if account is None else server.log_in(account)
    async with running_client() as client:
        new_identity = account is None
        await client.ask("start", url=server.url, mode=mode, new_identity=new_identity, **asdict(used))
        yield Member(client, name, used, mode)


def _relation(reply_to: str, thread: str) -> Json:
    """Return how a message relates to one that it answers and to the one whose thread it stands in."""
    answered = {"m.in_reply_to": {"event_id": reply_to or thread}}
    if not thread:
        return answered
    return {"rel_type": "m.thread", "event_id": thread, "is_falling_back": not reply_to, **answered}
