"""The whole program on some channels, or on all, and the people who write to it there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from storage import runs
from tests.bot.flows import Program, Time, free_port, running, web_settings
from tests.conversations.chat import Crowd, Matrix
from tests.conversations.page import PATIENCE, Web
from tests.conversations.person import Person
from tests.conversations.phone import Telegram
from tests.fake_telegram.harness import fake_telegram
from tests.stores import new_file
from tests.talk import fresh

CHANNELS = ("telegram", "matrix", "web")

WELCOME = "Dzień dobry! Tu bot Klastra „Aglomeracja”"


class Place(Protocol):
    """Where people of one channel come from."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the program has to know to be there."""
        ...

    async def person(self, program: Program, name: str) -> Person:
        """Return somebody new there, who speaks Polish."""
        ...


AnyPlace = TypeVar("AnyPlace", bound=Place)
AnyPerson = TypeVar("AnyPerson", bound=Person)


class Town:
    """The program and its people; who is not said to come from elsewhere is on `channel`."""

    def __init__(self, program: Program, time: Time, places: dict[str, Place]) -> None:
        """Take what runs, the time in it, and where people come from; the first place is the usual one."""
        self.program = program
        self.time = time
        self.places = places
        self.channel = next(iter(places))

    def at(self, kind: type[AnyPlace]) -> AnyPlace:
        """Return the place of a kind, with all that only people there can do."""
        return next(place for place in self.places.values() if isinstance(place, kind))

    async def comes(self, name: str, channel: str = "") -> Person:
        """Return somebody who has just been greeted."""
        return await self.greets(await self.places[channel or self.channel].person(self.program, name))

    async def coordinator(self, channel: str = "") -> Person:
        """Return somebody who has become the coordinator."""
        return await self.appoints(await self.places[channel or self.channel].person(self.program, "Ewa Kos"))

    async def greets(self, somebody: AnyPerson) -> AnyPerson:
        """Let somebody begin to talk, and return them."""
        await somebody.says("/start", WELCOME)
        return somebody

    async def appoints(self, somebody: AnyPerson) -> AnyPerson:
        """Let somebody become the coordinator, and return them."""
        await somebody.says(f"/claim {await self.program.claim_code()}", "Witamy w roli koordynatora")
        return somebody

    async def moves_on(self, **step: float) -> None:
        """Let time pass and the program do what falls due by then."""
        self.time.move(**step)
        await self.program.running.clock.pump(self.time())

    async def sent(self) -> None:
        """Wait until no announcement that was begun is on its way any more."""
        async with asyncio.timeout(PATIENCE):
            while await self.program.running.store.read(runs.get_runs_under_way):
                pass


@asynccontextmanager
async def open_town(
    folder: Path, channels: Sequence[str], crowd: Crowd | None = None, **settings: Any
) -> AsyncIterator[Town]:
    """Run the program on some channels; `crowd` is needed where Matrix is among them.

    What stands in `settings` takes the place of what the channels say themselves.
    """
    async with AsyncExitStack() as stack:
        places = dict[str, Place]()
        for channel in channels:
            if channel == "telegram":
                places[channel] = Telegram(await stack.enter_async_context(fake_telegram()))
            elif channel == "matrix":
                assert crowd is not None
                places[channel] = Matrix(crowd, folder / "matrix")
            else:
                places[channel] = Web(await stack.enter_async_context(AsyncExitStack()))
        known = {"database_url": new_file(folder, fresh), "web_port": free_port()}
        for place in places.values():
            known |= place.settings
        known |= settings
        time = Time()
        program = Program(web_settings(folder).model_copy(update=known), time)
        yield Town(await stack.enter_async_context(running(program)), time, places)
