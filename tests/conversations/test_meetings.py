"""Meetings on every channel: planned, replied to in every way, changed, called off."""

import pytest

from tests.conversations.town import Town
from tests.conversations.walks import plan

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_meeting_is_planned_and_replied_to_in_every_way(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await plan(ewa)
    await anna.says("kiedy nastepne spotkanie?", "jutro, 17:00")
    card = await anna.says("/spotkania", "Rada Klastra", "Nie ma jeszcze Twojej odpowiedzi.")
    assert card.labels == ("Będę", "Może", "Nie będę", "Menu")
    messages = len(anna.screen())
    pressed = await anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Zostało 29 wolnych miejsc.")
    assert (pressed.ref, len(anna.screen())) == (card.ref, messages)
    await anna.says("2", "Wybrano: Może", "Zapisano. Twoja odpowiedź: może.")
    await anna.says("nie bede", "Wybrano: Nie będę", "Zapisano. Twoja odpowiedź: nie będę.")
    await ewa.says("/obecnosc", "Będzie: 0, może: 0, nie będzie: 1.", "Anna Nowak: nie będzie")
    await anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.")
    await ewa.says("/obecnosc", "Będzie: 1, może: 0, nie będzie: 0.", "Anna Nowak: będzie")


async def test_who_replied_hears_of_a_change_and_that_it_is_called_off(town: Town) -> None:
    ewa, anna = await town.coordinator(), await town.comes("Anna Nowak")
    await plan(ewa)
    await anna.says("/spotkania", "Rada Klastra")
    await anna.presses("Może", "Zapisano. Twoja odpowiedź: może.")
    await ewa.presses("Dla koordynatora", "Kamienica Kupiecka")
    await ewa.presses("Zmień", "Miejsce: Kamienica Kupiecka")
    await ewa.presses("Zmień", "Co zmienić?")
    await ewa.presses("Miejsce", "Gdzie się odbędzie?")
    await ewa.says("Ratusz", "Miejsce: Ratusz")
    await ewa.presses("Zapisz", "Powiadomiono 1 osobę.")
    await anna.hears("Zmiana spotkania. Twoja odpowiedź: może.", "Miejsce: Ratusz")
    await anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Miejsce: Ratusz")
    await ewa.presses("Dla koordynatora", "Będzie 1 osoba.")
    await ewa.presses("Odwołaj", "Odwołać spotkanie")
    await ewa.presses("Tak, odwołaj", "Odwołano. Powiadomiono 1 osobę.")
    await anna.hears("Odwołane: „Rada Klastra”")
    await anna.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")
