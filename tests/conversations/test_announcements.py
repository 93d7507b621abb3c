"""Announcements on every channel: now, for later, to members; who wants none gets none."""

import pytest

from tests.conversations.town import Town
from tests.conversations.walks import announce, join

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_announcement_reaches_everybody_who_wants_it(town: Town) -> None:
    ewa = await town.coordinator()
    anna, jan = await town.comes("Anna Nowak"), await town.comes("Jan Lis")
    await jan.presses("Profil", "Ogłoszenia: włączone")
    await jan.presses("Wyłącz ogłoszenia", "Ogłoszenia: wyłączone")
    await announce(ewa, "Jutro <o 9> kawa & herbata")
    for one in (ewa, anna):
        heard = await one.hears(
            "Ogłoszenie Klastra „Aglomeracja”\n\nJutro <o 9> kawa & herbata\n\nOgłoszenia"
        )
        assert heard.labels == ("Profil", "Menu")
    await town.sent()
    await ewa.says("/ogloszenia", "Jutro <o 9>", "Wysłane. Doręczono: 2.")
    await jan.says("/ogloszenia", "Jutro <o 9>")
    assert (anna.count("Ogłoszenie Klastra"), jan.count("Ogłoszenie Klastra")) == (1, 0)


async def test_an_announcement_to_members_reaches_no_one_else(town: Town) -> None:
    ewa = await town.coordinator()
    anna, jan = await join(town, ewa, "Anna Nowak", "Zorza"), await town.comes("Jan Lis")
    await announce(ewa, "Składki", to="Członkowie")
    await anna.hears("Ogłoszenie Klastra", "Składki")
    await town.sent()
    await ewa.says("/ogloszenia", "Wysłane. Doręczono: 1.")
    await jan.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    assert (ewa.count("Ogłoszenie Klastra"), jan.count("Ogłoszenie Klastra")) == (0, 0)


async def test_an_announcement_for_later_comes_at_its_time_or_never(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await announce(ewa, "Wywóz odpadów", when="dziś 18:00")
    await announce(ewa, "Odwołana sprawa", when="dziś 18:00")
    await ewa.presses("Zaplanowane", ", 18:00, wszyscy\nWywóz", ", 18:00, wszyscy\nOdwołana")
    await ewa.presses("Odwołaj nr 2", "Odwołać to ogłoszenie")
    await ewa.presses("Tak, odwołaj", "ogłoszenie nie zostanie wysłane")
    await town.moves_on(hours=5, minutes=58)
    await anna.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    await town.moves_on(minutes=3)
    await anna.hears("Ogłoszenie Klastra", "Wywóz odpadów")
    await town.sent()
    await ewa.says("/ogloszenia", "Wywóz odpadów", "Wysłane. Doręczono: 2.")
    assert (anna.count("Ogłoszenie Klastra"), anna.count("Odwołana sprawa")) == (1, 0)


async def test_an_announcement_waits_for_the_program_to_come_back(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await announce(ewa, "Po przerwie", when="dziś 18:00")
    await town.program.stop()
    town.time.move(hours=7)
    await town.program.start()
    await anna.hears("Ogłoszenie Klastra", "Po przerwie")
    await anna.says("co to jest klaster", "sieć stałej współpracy")
    assert anna.count("Po przerwie") == 1
