"""One person on two channels, for every pair of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conversations.chat import Crowd
from tests.conversations.town import Town, open_town
from tests.conversations.walks import announce, link, plan

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAIRS = [("telegram", "matrix"), ("matrix", "web"), ("telegram", "web")]
"""The first of each is where announcements come unless the person wants it otherwise."""


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[tuple[str, str], Crowd | None]:
    """Name two channels, with the people of the homeserver where Matrix is one of them."""
    return request.param, request.getfixturevalue("crowd") if "matrix" in request.param else None


@pytest_asyncio.fixture(loop_scope="package")
async def town(tmp_path: Path, pair: tuple[tuple[str, str], Crowd | None]) -> AsyncIterator[Town]:
    """Run the program on two channels; the coordinator is on the second."""
    channels, crowd = pair
    async with open_town(tmp_path, channels, crowd) as opened:
        yield opened


async def test_two_channels_are_linked_and_one_of_them_goes(town: Town) -> None:
    first, second = town.places
    ewa = await town.coordinator(second)
    here, there = await town.comes("Anna Nowak", first), await town.comes("Anna Kos", second)
    await plan(ewa)
    await link(here, there)
    await there.says("/imie Anna Nowak-Kos", "Anna Nowak-Kos")
    await here.says("/profil", "Imię i nazwisko: Anna Nowak-Kos", "Połączone kanały:")
    await here.says("/spotkania", "Nie ma jeszcze Twojej odpowiedzi.")
    await here.presses("Będę", "Zapisano. Twoja odpowiedź: będę.")
    await there.says("/spotkania", "Twoja odpowiedź: będę.", "Będzie 1 osoba.")

    await announce(ewa, "Jutro nie ma wody.")
    await here.hears("Ogłoszenie Klastra", "Jutro nie ma wody.")
    await town.sent()
    await there.says("/profil", "Ogłoszenia i powiadomienia przychodzą na:")
    assert (here.count("Ogłoszenie Klastra"), there.count("Ogłoszenie Klastra")) == (1, 0)

    await here.leaves()
    await announce(ewa, "Woda już jest.")
    await there.hears("Ogłoszenie Klastra", "Woda już jest.")
    await there.says("/rozlacz", "Rozłączono", "To znów osobne rozmowy i osobne profile.")
    assert there.count("Ogłoszenie Klastra") == 1
    assert "Połącz kanały" in (await there.says("/profil", "Imię i nazwisko: Anna")).labels


async def test_unlinking_gives_each_channel_its_own_back(town: Town) -> None:
    first, second = town.places
    ewa = await town.coordinator(second)
    here, there = await town.comes("Anna Nowak", first), await town.comes("Anna Kos", second)
    await plan(ewa)
    await there.says("/spotkania", "Rada Klastra")
    await there.presses("Nie będę", "Zapisano. Twoja odpowiedź: nie będę.")
    await link(there, here)  # the other way round than above
    await here.says("/spotkania", "Twoja odpowiedź: nie będę.")
    await there.presses("Rozłącz", "Rozłączono")
    await here.hears("Rozłączono", "osobne profile")
    await here.says("/spotkania", "Nie ma jeszcze Twojej odpowiedzi.")
    await there.says("/spotkania", "Twoja odpowiedź: nie będę.")
    await here.says("/profil", "Imię i nazwisko: Anna Nowak")
    await announce(ewa, "Jutro nie ma wody.")
    await here.hears("Ogłoszenie Klastra", "Jutro nie ma wody.")
    await there.hears("Ogłoszenie Klastra", "Jutro nie ma wody.")
