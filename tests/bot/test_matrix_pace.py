"""The program keeps to what a homeserver allows: it is never asked to slow down.

That a broadcast is spread evenly is `test_pacer`'s matter, in made-up time; here Synapse itself judges. Joins
are events too and come when people invite: here they are over before the limit is set.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from bot.config import Settings
from storage.conversations import Caller, ensure_conversation
from storage.database import Session
from tests.bot.flows import Program, Time
from tests.bot.matrix_proxy import Proxy, proxied
from tests.homeserver import synapse
from tests.homeserver.settings import Limits
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Account, Homeserver, synapse_server

PATIENCE = 60
"""Seconds in which an answer is to come."""

DOZEN = 12


@pytest.fixture
def stock() -> Iterator[Homeserver]:
    """Give a server with the limits that Synapse comes with."""
    if (lacks := synapse.missing()) is not None:
        pytest.skip(lacks)
    with synapse_server(Limits.STOCK) as server:
        yield server


class Resident(Stranger):
    """Somebody in a chat with the bot that is not encrypted; the server lets them do as they like."""

    def __init__(self, server: Homeserver, bot: Account, name: str) -> None:
        super().__init__(server, name)
        server.lift_limits(self.user_id)
        self.room = self.opens(bot.user_id)

    async def hears(self, *expected: str) -> str:
        """Wait until a message of the bot's holds all that is expected, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for text in await asyncio.to_thread(self._texts):
                if all(one in text for one in expected):
                    return text
            await asyncio.sleep(0.5)
        raise AssertionError(f"{self.user_id} did not hear {expected!r}")

    async def writes(self, text: str, *expected: str) -> str:
        """Write, and wait for what is expected."""
        await asyncio.to_thread(self.says, self.room, text)
        return await self.hears(*expected)

    def _texts(self) -> list[str]:
        """Return what the bot wrote, the newest first."""
        answer = self.calls("GET", f"rooms/{quote(self.room)}/messages?dir=b&limit=50")
        return [
            event["content"].get("body", "")
            for event in answer["chunk"]
            if event["type"] == "m.room.message" and event["sender"] != self.user_id
        ]


@asynccontextmanager
async def town(
    server: Homeserver, bot: Account, folder: Path, per_second: float
) -> AsyncIterator[tuple[Program, Proxy]]:
    """Run the program, and give it and what passes between it and the server."""
    async with proxied(server.url) as proxy:
        settings = Settings(
            database_url=f"sqlite:///{folder / 'store.db'}",
            matrix_homeserver=proxy.url,
            matrix_user=bot.user_id,
            matrix_password=SecretStr(bot.password),
            matrix_folder=folder / "matrix",
            matrix_per_second=per_second,
            web_host="127.0.0.1",
            web_port=0,
        )
        program = Program(settings, Time())
        await program.start()
        try:
            yield program, proxy
        finally:
            await program.stop()


async def announce(ewa: Resident, text: str) -> str:
    """Let a coordinator announce something to everyone, and return the summary before it was sent."""
    await ewa.writes("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.writes(text, "Kto ma je dostać?")
    await ewa.writes("wszyscy", "Kiedy?")
    summary = await ewa.writes("teraz", "Kiedy: od razu")
    await ewa.writes("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    return summary


async def test_a_dozen_rooms_are_answered_and_told_without_being_refused_once(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    bot = homeserver.register("bot", with_device=False)
    homeserver.lift_limits(bot.user_id)
    async with town(homeserver, bot, tmp_path, per_second=4) as (program, proxy):
        code = await program.claim_code()
        people = [Resident(homeserver, bot, f"guest-{number}") for number in range(DOZEN)]
        await asyncio.gather(*(one.writes("/start", "Dzień dobry") for one in people))
        homeserver.set_limits(bot.user_id, 4, 10)
        ewa = people[0]
        await ewa.writes(f"/claim {code}", "Witamy w roli koordynatora")
        await announce(ewa, "Awaria wodociągu")
        await asyncio.gather(*(one.writes("/spotkania", "Nie ma teraz") for one in people))
        await asyncio.gather(*(one.hears("Ogłoszenie Klastra", "Awaria wodociągu") for one in people))
    assert proxy.answered[429] == 0


async def test_on_a_stock_synapse_the_coordinator_sees_the_end_and_nothing_is_refused(
    stock: Homeserver, tmp_path: Path
) -> None:
    bot = stock.register("bot", with_device=False)
    async with town(stock, bot, tmp_path, per_second=0.2) as (program, proxy):
        ewa = Resident(stock, bot, "ewa")
        others = [(f"@guest-{number}:elsewhere.test", f"!gone-{number}") for number in range(24)]

        def fill(session: Session) -> None:
            for sender, room in [(ewa.user_id, ewa.room), *others]:
                caller = Caller("matrix", sender, room, private=True, name=sender, locale="pl")
                person = ensure_conversation(session, caller, program.now()).account.person
                person.coordinates = sender == ewa.user_id

        await program.running.store.write(fill)
        summary = await announce(ewa, "Awaria wodociągu")
        assert "Dostanie je 25 osób." in summary
        assert "Wysyłka potrwa około 3 minut." in summary
        said = await ewa.writes("/ogloszenia", "Awaria wodociągu", "Wysyłka trwa.")
    assert re.search(r"Koniec około 12:0\d\.", said)
    assert proxy.answered[429] == 0
