"""The flows of the product in encrypted chats, by a client that excludes unsigned devices (MSC4153)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import Settings
from tests.bot.flows import Program, Time
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Account, Homeserver


@dataclass
class Town:
    """The program on a homeserver, and people with clients of Element's own cryptography."""

    server: Homeserver
    bot: Account
    program: Program
    time: Time
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def person(self, name: str, first: str, *expected: str) -> Member:
        """Return somebody who has opened a chat with the bot and heard the answer to the first message."""
        somebody = await self.stack.enter_async_context(member(self.server, name, Mode.SIGNED_ONLY))
        await somebody.opens(self.bot.user_id, first)
        await somebody.hears(*expected)
        return somebody


@pytest.fixture
async def town(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Town]:
    """Run the program on the homeserver."""
    async with open_town(homeserver, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_town(server: Homeserver, folder: Path) -> AsyncIterator[Town]:
    """Run the program on a homeserver, with its store and its device in a folder."""
    bot, time = server.register("bot", with_device=False), Time()
    server.lift_limits(bot.user_id)
    settings = Settings(
        database_url=f"sqlite:///{folder / 'store.db'}",
        matrix_homeserver=server.url,
        matrix_user=bot.user_id,
        matrix_password=SecretStr(bot.password),
        matrix_folder=folder / "matrix",
        matrix_per_second=100.0,
        web_host="127.0.0.1",
        web_port=0,
    )
    town = Town(server, bot, Program(settings, time), time)
    await town.program.start()
    async with town.stack:
        yield town
    await town.program.stop()


async def test_a_question_a_meeting_and_an_announcement(town: Town) -> None:
    code = await town.program.claim_code()
    ewa = await town.person("ewa", f"!claim {code}", "Witamy w roli koordynatora")
    anna = await town.person("anna", "co to jest klaster", "sieć stałej współpracy")
    assert all(event.encrypted and event.shield is None for event in anna.screen().values())
    await ewa.says("!nowe_spotkanie", "tytuł")
    await ewa.says("Rada Klastra", "Kiedy")
    await ewa.says("1.12.2027 17:00", "Gdzie")
    await ewa.says("Ratusz", "program")
    await ewa.presses("Pomiń", "miejsc")
    await ewa.presses("Pomiń", "Rada Klastra")
    await ewa.presses("Zapisz", "Zapisano")
    await anna.says("/spotkania", "Rada Klastra")
    assert anna.labels()[:3] == ["Będę", "Może", "Nie będę"]
    await anna.says("1", "Wybrano: Będę", "Twoja odpowiedź: będę")
    await ewa.says("!nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says("Zmiana sali", "Kto ma je dostać?")
    await ewa.says("wszyscy", "Kiedy?")
    await ewa.says("teraz", "Zmiana sali")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    await anna.hears("Ogłoszenie Klastra „Aglomeracja”", "Zmiana sali")
    await town.program.restart()
    await anna.says("/ogloszenia", "Zmiana sali")


async def test_a_reaction_answers_in_place(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    [welcome] = anna.screen().values()
    number = anna.labels().index("Spotkania") + 1
    await anna.reacts(f"{number}️⃣", welcome.event_id)
    await anna.hears("Nie ma teraz zaplanowanego spotkania")
    assert list(anna.screen()) == [welcome.event_id]


async def test_to_verify_is_refused_kindly(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    await anna.asks_to_verify(town.bot.user_id)
    await anna.hears("Nie trzeba mnie weryfikować")


async def test_who_writes_and_is_gone_takes_the_bot_from_nobody_else(town: Town) -> None:
    async with member(town.server, "mallory", Mode.SIGNED_ONLY) as mallory:
        for _ in range(3):
            await mallory.opens(town.bot.user_id)
            await mallory.sends("!start")
            await mallory.leaves()
    await town.person("anna", "!start", "Dzień dobry")


async def test_a_room_with_others_is_not_joined_and_a_third_person_makes_it_one(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    jan = await town.stack.enter_async_context(member(town.server, "jan"))
    await anna.invites(jan.user_id)
    await jan.joins(anna.room)
    await anna.sends("co to jest klaster")
    await anna.sends("co to jest klaster?", mentions=[town.bot.user_id])
    await anna.hears("sieć stałej współpracy")
    assert sum("sieć stałej współpracy" in event.text for event in anna.screen().values()) == 1
