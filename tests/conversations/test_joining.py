"""Joining the Cluster on every channel: filled in, corrected, sent, decided."""

import pytest

from tests.conversations.town import Town
from tests.conversations.walks import fill_in

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_joining(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await fill_in(anna, "Zorza")
    await anna.presses("Zmień", "Co zmienić?")
    await anna.presses("Organizacja", "Jaka organizacja")
    await anna.says("Wodociągi Zorza", "Organizacja: Wodociągi Zorza", "E-mail lub telefon: anna@example.org")
    await anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    await anna.says("/dolacz", "Twoje zgłoszenie (Wodociągi Zorza) czeka na decyzję koordynatora.")
    await ewa.hears("Zgłoszenie do Klastra: Wodociągi Zorza", "Kontakt: anna@example.org", "Obszar: woda")
    await ewa.presses("Przyjmij", "Przyjęto.", "Kontakt: anna@example.org")
    await anna.hears("Zgłoszenie przyjęte: Wodociągi Zorza jest teraz w Klastrze. Witamy!")
    await anna.says("/profil", "Organizacja: Wodociągi Zorza")


async def test_an_application_is_refused_and_may_be_sent_again(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await fill_in(anna, "Zorza")
    await anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    await ewa.hears("Zgłoszenie do Klastra: Zorza")
    await ewa.presses("Odmów", "Odrzucić zgłoszenie: Zorza?")
    await ewa.presses("Tak, odmów", "Odmówiono.")
    await anna.hears("Twoje zgłoszenie (Zorza) nie zostało przyjęte.")
    await anna.says("/profil", "Organizacja: brak")
    await ewa.says("/przyjmij 1", "Takie zgłoszenie nie czeka na decyzję")
    await anna.says("/zglos", "Jaka organizacja")
