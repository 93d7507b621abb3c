"""Forms on every channel: back, skip, cancel, bad input, the words typed instead, a restart in the middle."""

import pytest

from tests.conversations.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_ways_round_a_question(town: Town) -> None:
    ewa = await town.coordinator()
    await ewa.presses("Zaplanuj spotkanie", "Jaki tytuł ma spotkanie?")
    await ewa.says("Rada", "Kiedy się zaczyna?")
    await ewa.says("kiedyś", "Nie rozumiem tej daty.", "Kiedy się zaczyna?")
    await ewa.presses("Wstecz", "Jaki tytuł ma spotkanie?")
    await ewa.says("Rada Klastra", "Kiedy się zaczyna?")
    await ewa.says("dziś 9:00", "Ten termin już minął.", "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")
    agenda = await ewa.says("Ratusz", "Jaki jest program?")
    assert agenda.labels == ("Pomiń", "Wstecz", "Anuluj")
    await ewa.says("pomin", "Ile osób może przyjść?")
    await ewa.says("dużo", "Napisz, proszę, liczbę od 1 do", "Ile osób może przyjść?")
    await ewa.says("2", "Tytuł: Rada Klastra", "Program: brak", "Liczba miejsc: 2")
    await ewa.presses("Anuluj", "Anulowano. Nic nie zostało zapisane.")
    await ewa.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")


async def test_an_option_of_an_earlier_question_does_nothing(town: Town) -> None:
    ewa = await town.coordinator()
    await ewa.presses("Zaplanuj spotkanie", "Jaki tytuł ma spotkanie?")
    when = await ewa.says("Rada", "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")
    await ewa.chooses(when, "Anuluj")
    await ewa.hears("Ta sprawa jest już zamknięta")
    await ewa.says("Ratusz", "Jaki jest program?")


async def test_a_form_goes_on_after_a_restart(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    await anna.presses("Jak dołączyć", "Klaster jest otwarty")
    await anna.presses("Wypełnij zgłoszenie", "Jaka organizacja chce dołączyć?")
    await anna.says("Zorza", "Kto jest osobą do kontaktu?")
    await town.program.restart()
    await anna.presses("Wstecz", "Jaka organizacja chce dołączyć?")
    await anna.says("Zorza", "Kto jest osobą do kontaktu?")
    await anna.says("Anna Nowak", "Pod jaki adres e-mail")
    await anna.says("co to jest klaster?", "Napisz, proszę, adres e-mail albo numer telefonu")
    await anna.presses("Anuluj", "Nic nie zostało zapisane.")
