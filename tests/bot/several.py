"""Several processes of the whole program on one store, beside one fake Telegram."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app import utc_now
from storage import announcements
from storage.announcements import Audience, Draft, Group
from storage.database import Database
from storage.people import Person
from tests.bot.flows import Program, free_port, web_settings
from tests.bot.machine import add_person
from tests.fake_telegram import FakeTelegram
from tests.fake_telegram.harness import fake_telegram


@dataclass
class Several:
    """The processes that were begun on a store, and what is around them."""

    url: str
    folder: Path
    fake: FakeTelegram
    database: Database
    _stack: AsyncExitStack
    programs: list[Program] = field(default_factory=list)

    async def begin(self, *, by_webhook: bool = False, telegram: bool = True, **settings: Any) -> Program:
        """Start one more process; `settings` are its own."""
        port = free_port()
        known: dict[str, Any] = {"database_url": self.url, "web_port": port}
        if telegram:
            known |= {"telegram_token": SecretStr(self.fake.token), "telegram_api_url": self.fake.url}
            known |= {"telegram_per_second": 1_000, "telegram_chat_seconds": 0.001}
        if by_webhook:
            known["public_url"] = f"http://127.0.0.1:{port}"
        program = Program(web_settings(self.folder).model_copy(update=known | settings))
        self._stack.push_async_callback(program.stop)
        self.programs.append(program)
        await program.start()
        return program

    def announce(self, text: str) -> None:
        """Store an announcement for everybody, which is due now; nobody is told."""
        draft = Draft(text, Group(Audience.EVERYONE), utc_now(), None, "Europe/Warsaw")
        self.database.write(lambda session: announcements.add_announcement(session, draft, 1, utc_now()))

    def add_people(self, *addresses: str, channel: str = "telegram") -> None:
        """Let people be known; on Telegram they get a phone."""
        for address in addresses:
            add_person(self.database, address, channel)
            if channel == "telegram":
                self.fake.person(int(address))


@asynccontextmanager
async def several(url: str, folder: Path) -> AsyncIterator[Several]:
    """Give what begins processes on a store, whose person 1 writes the announcements; all end at last."""
    async with fake_telegram() as fake, AsyncExitStack() as stack:
        database = Database(url)
        stack.callback(database.close)
        add_person(database, "author", "nowhere")
        database.write(lambda session: setattr(session.get_one(Person, 1), "wants_announcements", False))
        yield Several(url, folder, fake, database, stack)
