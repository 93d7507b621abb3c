"""What is not allowed is refused on every channel, typed or forged."""

import pytest

from tests.conversations.town import Town
from tests.conversations.walks import fill_in

pytestmark = pytest.mark.asyncio(loop_scope="package")

NOT_YOURS = "To może zrobić tylko koordynator."


async def test_who_is_no_coordinator_can_do_nothing_of_theirs(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await fill_in(anna, "Zorza")
    await anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    await anna.says("/nowe_ogloszenie", NOT_YOURS)
    await anna.says("/obecnosc 1", NOT_YOURS)
    await anna.forges("/accept 1")
    await anna.until(lambda: anna.count(NOT_YOURS) == 3)
    await anna.forges("/confirm 123456")
    await anna.hears("Ta sprawa jest już zamknięta")
    await anna.forges("/rsvp 7 yes")
    await anna.hears("Nie ma takiego spotkania.")
    await anna.says("/claim ABCD-EFGH", "Ten kod jest nieważny.")
    await anna.says("/profil", "Organizacja: brak")
    await ewa.says("/zgloszenia", "Zgłoszenie do Klastra: Zorza")
