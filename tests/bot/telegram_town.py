"""The program beside a fake Telegram, and the people there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tests.bot.flows import Program, Time, free_port, running, web_settings
from tests.fake_telegram import FakeTelegram, Group, Person, Sent
from tests.fake_telegram.harness import fake_telegram


@dataclass
class Phone:
    """A person's Telegram: what they do is waited for until its answer is there."""

    person: Person
    inside: Group | None = None

    @property
    def sent(self) -> list[Sent]:
        """The bot's messages in this chat."""
        return (self.inside or self.person).sent

    async def says(self, text: str, *expected: str) -> Sent:
        """Write, wait for an answer that holds what is expected, and return its last message."""
        before = len(self.sent)
        self.person.writes(text, into=self.inside)
        await self._until_shown(before, None, expected)
        return self.sent[-1]

    async def edits(self, text: str, *expected: str, back: int = 1) -> Sent:
        """Change a message, the last one or one further `back`; the answer must change, and is returned."""
        before, edits = list(self.sent), sum(sent.edits for sent in self.sent)
        self.person.edits(self.person.wrote[-back], text, into=self.inside)
        await self._until(lambda: sum(sent.edits for sent in self.sent) > edits, expected)
        await self._until(lambda: all(any(one in s.text for s in self.sent) for one in expected), expected)
        assert self.sent == before, "an edit was answered in a new message"
        return self.sent[-1]

    async def presses(self, label: str, *expected: str) -> Sent:
        """Press the newest button of this label; the message must change, and the press be answered.

        Waits until what is expected is shown, and returns the message.
        """
        pressed = await self.button(label)
        before, edits = len(self.sent), pressed.edits
        self.person.presses(pressed, label, inside=self.inside)
        await self.person.fake.until(lambda: pressed.edits > edits or len(self.sent) > before)
        await self._until_shown(before, pressed, expected)
        assert pressed.edits == edits + 1, f"{label!r} was pressed and its message stayed as it was"
        await self.person.fake.until(lambda: not self.person.fake.open_queries)
        return pressed

    async def hears(self, *expected: str) -> Sent:
        """Wait for a message that holds all that is expected and return it."""

        def found() -> list[Sent]:
            return [one for one in self.sent if all(part in one.text for part in expected)]

        await self._until(lambda: bool(found()), expected)
        return found()[-1]

    async def button(self, label: str) -> Sent:
        """Wait for a button of this label and return the newest message that carries it."""

        def found() -> list[Sent]:
            return [one for one in self.sent if label in labels(one)]

        await self._until(lambda: bool(found()), (f"a button {label!r}",))
        return found()[-1]

    async def _until_shown(self, before: int, pressed: Sent | None, expected: tuple[str, ...]) -> None:
        def shown() -> bool:
            news = ([pressed] if pressed else []) + self.sent[before:]
            return bool(news) and all(any(part in one.text for one in news) for part in expected)

        await self._until(shown, expected)

    async def _until(self, condition: Callable[[], bool], expected: tuple[str, ...]) -> None:
        try:
            await self.person.fake.until(condition)
        except TimeoutError:
            shown = [sent.text for sent in self.sent[-3:]]
            raise AssertionError(f"expected {expected} but the last messages are {shown}") from None


class Town(Program):
    """The program beside a fake Telegram, and the people there."""

    def __init__(self, folder: Path, fake: FakeTelegram, *, by_webhook: bool) -> None:
        port = free_port() if by_webhook else 0
        self.time = Time()
        super().__init__(
            web_settings(folder).model_copy(
                update={
                    "web_port": port,
                    "telegram_token": SecretStr(fake.token),
                    "telegram_api_url": fake.url,
                    "public_url": f"http://127.0.0.1:{port}" if by_webhook else "",
                }
            ),
            self.time,
        )
        self.fake = fake
        self._last_id = 1_000
        self._way = "setWebhook" if by_webhook else "getUpdates"

    async def start(self) -> None:
        """Start and return once Telegram is listened to."""
        before = len(self.fake.called(self._way))
        await super().start()
        await self.fake.until(lambda: len(self.fake.called(self._way)) > before)

    def calls_to(self, phone: Phone) -> list[str]:
        """Return the texts that were to be sent to somebody, whether Telegram took them or not."""
        chat = str(phone.person.id)
        return [call["text"] for call in self.fake.called("sendMessage") if str(call["chat_id"]) == chat]

    def person(self, name: str, language: str = "pl") -> Phone:
        """Return somebody with a Telegram of their own."""
        self._last_id += 1
        return Phone(self.fake.person(self._last_id, name, language))

    async def coordinator(self) -> Phone:
        """Return somebody who has become the coordinator."""
        ewa = self.person("Ewa Kos")
        await ewa.says(f"/claim {await self.claim_code()}", "Witamy w roli koordynatora")
        return ewa


def labels(sent: Sent) -> list[str]:
    """Return the labels of a message's buttons."""
    return [str(button["text"]) for row in sent.keyboard for button in row]


@asynccontextmanager
async def open_town(folder: Path, *, by_webhook: bool) -> AsyncIterator[Town]:
    """Run the program beside a fake Telegram, which sends its updates in one of both ways."""
    async with fake_telegram() as fake, running(Town(folder, fake, by_webhook=by_webhook)) as town:
        yield town
