"""The same conversation on all channels of one program leaves the same words and options on the screen."""

from pathlib import Path

import pytest

from tests.conversations.chat import Crowd
from tests.conversations.person import Person
from tests.conversations.town import CHANNELS, open_town
from tests.conversations.walks import fill_in, plan

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def walk(anna: Person) -> None:
    """See much of what the bot says."""
    await anna.says("/pomoc", "Po prostu napisz pytanie")
    await anna.says("co to jest klaster", "sieć stałej współpracy")
    await anna.says("kto przewodniczy radzie", "Rad")
    await anna.says("qwertyuiop", "Nie rozumiem tej wiadomości.")
    await anna.says("/spotkania", "Rada Klastra")
    await anna.presses("Nie będę", "Zapisano. Twoja odpowiedź: nie będę.")
    await anna.says("2", "Zapisano. Twoja odpowiedź: może.")
    await anna.says("/nie_ma_tego", "Nie znam tego polecenia.")
    await fill_in(anna, "Zorza")
    await anna.says("anuluj", "Nic nie zostało zapisane.")
    await anna.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    await anna.says("/profil", "Imię i nazwisko: Anna Nowak")
    await anna.says("/prywatnosc", "Co bot o Tobie przechowuje")


async def test_the_screens_are_the_same_on_every_channel(tmp_path: Path, crowd: Crowd) -> None:
    async with open_town(tmp_path, CHANNELS, crowd) as town:
        await plan(await town.coordinator())
        screens = {}
        for channel in CHANNELS:
            anna = await town.comes("Anna Nowak", channel)
            before = len(anna.screen())
            await walk(anna)
            screens[channel] = [(one.text, one.labels) for one in anna.screen()[before:]]
        for channel in CHANNELS:
            assert screens[channel] == screens["telegram"]
