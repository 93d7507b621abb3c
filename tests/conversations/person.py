"""What a person does on any channel, in the same words: only how it is done there differs.

await anna.says("/spotkania", "Rada Klastra")
await anna.presses("Będę", "Zapisano.")
await anna.hears("Ogłoszenie Klastra", "Zmiana sali")
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bot.flows import Program


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of the bot as it reads now: its id there, its text, and the labels of its options."""

    ref: str
    text: str
    labels: tuple[str, ...] = ()


class Person(ABC):
    """Somebody on a channel; what they do is waited for until its answer is there."""

    def __init__(self, name: str, program: Program) -> None:
        """Take what they are called, and the program they talk with."""
        self.name = name
        self.program = program

    # What each channel does in its own way.

    @abstractmethod
    def screen(self) -> list[Shown]:
        """Return the bot's messages in the order in which they stand there."""

    @abstractmethod
    async def writes(self, text: str) -> None:
        """Write a text and wait for nothing."""

    @abstractmethod
    async def chooses(self, shown: Shown, label: str) -> None:
        """Press an option under a message, or what stands for that."""

    @abstractmethod
    async def forges(self, value: str) -> None:
        """Press an option that was never offered, or what comes nearest to that."""

    @abstractmethod
    async def sends_file(self, name: str, data: bytes) -> None:
        """Send a file and wait for nothing."""

    @abstractmethod
    async def downloads(self, shown: Shown) -> bytes:
        """Return the file that comes with a message."""

    @abstractmethod
    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once something holds that depends on the screen; raises TimeoutError."""

    @abstractmethod
    async def leaves(self) -> None:
        """Close the chat, so that the bot reaches nobody there; not everywhere that can be done."""

    # What is the same on all of them.

    async def says(self, text: str, *expected: str) -> Shown:
        """Write, wait for an answer that holds what is expected, and return its last message."""
        await self.program.recorded()
        before = self.screen()
        await self.writes(text)
        return await self._answered(before, expected)

    async def attaches(self, name: str, data: bytes, *expected: str) -> Shown:
        """Send a file, and wait as for the answer to what is said."""
        await self.program.recorded()
        before = self.screen()
        await self.sends_file(name, data)
        return await self._answered(before, expected)

    async def presses(self, label: str, *expected: str) -> Shown:
        """Press the newest option of this label, and wait as for the answer to what is said."""
        shown = await self.option(label)
        await self.program.recorded()
        before = self.screen()
        await self.chooses(shown, label)
        return await self._answered(before, expected)

    async def hears(self, *expected: str) -> Shown:
        """Wait for a message that holds all that is expected and return it, whenever it came."""
        await self._until(lambda: bool(self._find(expected)), expected)
        return self._find(expected)[-1]

    async def option(self, label: str) -> Shown:
        """Wait for an option of this label and return the newest message that carries it."""

        def found() -> list[Shown]:
            return [one for one in self.screen() if label in one.labels]

        await self._until(lambda: bool(found()), (f"the option {label!r}",))
        return found()[-1]

    def labels(self) -> list[str]:
        """Return the labels of the options under the newest message."""
        return list(self.screen()[-1].labels)

    def count(self, text: str) -> int:
        """Return how many messages hold a text."""
        return len(self._find((text,)))

    def _find(self, parts: Sequence[str]) -> list[Shown]:
        return [one for one in self.screen() if all(part in one.text for part in parts)]

    async def _answered(self, before: Sequence[Shown], expected: Sequence[str]) -> Shown:
        """Wait until what is expected stands in what is new or reads otherwise; return the last of that."""

        def news() -> list[Shown]:
            return [one for one in self.screen() if one not in before]

        def answered() -> bool:
            return bool(news()) and all(any(part in one.text for one in news()) for part in expected)

        await self._until(answered, expected)
        return news()[-1]

    async def _until(self, holds: Callable[[], bool], expected: Sequence[str]) -> None:
        try:
            await self.until(holds)
        except TimeoutError:
            raise AssertionError(
                f"{self.name} expected {list(expected)} but at last sees {self.screen()[-3:]}"
            ) from None


class Corrector(Person):
    """Somebody on a channel where one can change what one has written: that is not so in the web chat."""

    @abstractmethod
    async def rewrites(self, text: str, back: int = 1) -> None:
        """Change the last message of theirs, or one further back, and wait for nothing."""

    async def corrects(self, text: str, *expected: str, back: int = 1) -> Shown:
        """Change a message and wait for its answer, which must stand where the old one stood."""
        await self.program.recorded()
        before = self.screen()
        await self.rewrites(text, back)
        shown = await self._answered(before, expected)
        await self.program.recorded()
        refs = [one.ref for one in self.screen()]
        assert refs == [one.ref for one in before], "an edit was answered in a new message"
        return shown
