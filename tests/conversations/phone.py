"""People on the fake Telegram."""

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from tests.bot.flows import Program, free_port
from tests.conversations.person import Corrector, Shown
from tests.fake_telegram import FakeTelegram, Group, Sent
from tests.fake_telegram.people import Person as User


class Phone(Corrector):
    """A person's Telegram: the private chat with the bot, or a group with it."""

    def __init__(self, user: User, program: Program, inside: Group | None = None) -> None:
        """Take who it is, and the group if it is about one."""
        names = (user.about["first_name"], user.about.get("last_name"))
        super().__init__(" ".join(filter(None, names)), program)
        self.user = user
        self.inside = inside

    @property
    def sent(self) -> list[Sent]:
        """The bot's messages in this chat, with all that Telegram knows of them."""
        return (self.inside or self.user).sent

    def screen(self) -> list[Shown]:
        """Return the bot's messages."""
        return [Shown(str(one.message_id), one.text, labels(one)) for one in self.sent]

    def message(self, shown: Shown) -> Sent:
        """Return a message with all that Telegram knows of it."""
        return next(one for one in self.sent if str(one.message_id) == shown.ref)

    async def writes(self, text: str) -> None:
        """Write into the chat."""
        self.user.writes(text, into=self.inside)

    async def rewrites(self, text: str, back: int = 1) -> None:
        """Edit a message."""
        self.user.edits(self.user.wrote[-back], text, into=self.inside)

    async def sends_file(self, name: str, data: bytes) -> None:
        """Send a document; a photo, which has no name, is sent by `user.sends_photo`."""
        self.user.sends_document(name, data, into=self.inside)

    async def downloads(self, shown: Shown) -> bytes:
        """Return what was uploaded."""
        media = self.message(shown).media
        assert media is not None
        return media.data

    async def chooses(self, shown: Shown, label: str) -> None:
        """Press a button; whoever presses sees a clock until the press is answered."""
        self.user.presses(self.message(shown), label, inside=self.inside)
        await self.user.fake.until(lambda: not self.user.fake.open_queries)

    async def forges(self, value: str) -> None:
        """Send callback data of one's own."""
        self.user.forges(value, self.sent[-1])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the bot's calls."""
        await self.user.fake.until(holds)

    async def leaves(self) -> None:
        """Block the bot."""
        self.user.blocks()


class Telegram:
    """The fake Telegram as a place from which people write."""

    def __init__(self, fake: FakeTelegram) -> None:
        """Take the server."""
        self.fake = fake
        self._last_id = 1_000

    @property
    def settings(self) -> dict[str, Any]:
        """What the program has to know to be there."""
        return {
            "telegram_token": SecretStr(self.fake.token),
            "telegram_api_url": self.fake.url,
            "telegram_per_second": 1_000,
            "telegram_chat_seconds": 0.001,
        }

    async def person(self, program: Program, name: str, language: str = "pl") -> Phone:
        """Return somebody with a Telegram of their own."""
        self._last_id += 1
        return Phone(self.fake.person(self._last_id, name, language), program)


def by_webhook() -> dict[str, Any]:
    """Return the settings with which Telegram sends its updates to the program instead of being polled."""
    port = free_port()
    return {"web_port": port, "public_url": f"http://127.0.0.1:{port}"}


def labels(sent: Sent) -> tuple[str, ...]:
    """Return the labels of a message's buttons."""
    return tuple(str(button["text"]) for row in sent.keyboard for button in row)
