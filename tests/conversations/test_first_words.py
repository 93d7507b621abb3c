"""The first words on every channel: a greeting, the menu, questions, the language, what is kept."""

import pytest

from tests.conversations.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_greeting_the_menu_and_questions(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    assert anna.labels() == ["Spotkania", "Ogłoszenia", "Jak dołączyć", "Profil", "Polski / English"]
    messages = len(anna.screen())
    await anna.presses("Spotkania", "Nie ma teraz zaplanowanego spotkania")
    menu = await anna.presses("Menu", "Po prostu napisz pytanie")
    assert menu.labels[0] == "Spotkania"
    assert len(anna.screen()) == messages  # it is one message that changes
    answer = await anna.says("kto jest kordynatorem klastra", "Regionalna Izba Przemysłowo-Handlowa")
    assert answer.labels[-1] == "Menu"
    await anna.says("ile kosztuje rower w Krakowie", "W tym nie pomogę")
    await anna.presses("Menu", "Po prostu napisz pytanie")


async def test_the_language_is_switched_and_back(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    await anna.presses("Polski / English", "Po polsku czy po angielsku?")
    await anna.presses("English", "From now on we speak English.")
    await anna.says("/start", "Good day! This is the bot of Klaster")
    await anna.says("/profile", "Language: English")
    await anna.presses("Polski / English", "Polish or English?")
    await anna.presses("Polski", "Od teraz rozmawiamy po polsku.")
    await anna.presses("Menu", "Po prostu napisz pytanie")


async def test_what_is_kept_is_told(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    await anna.presses("Profil", "Twój profil", "Imię i nazwisko: Anna Nowak", "Ogłoszenia: włączone")
    await anna.presses("Twoje dane", "Co bot o Tobie przechowuje", "Formularz pamięta wpisane odpowiedzi")
    await anna.says("/prywatnosc", "Dane przechowuje koordynator Klastra")


async def test_too_long_a_message_is_refused_in_one_sentence(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    await anna.says("a" * 4_001, "Ta wiadomość jest za długa: czytam najwyżej 4000 znaków. Skróć ją, proszę.")
    await anna.says("/spotkanai", "Czy chodzi o /spotkania?")
    await anna.presses("/spotkania", "Nie ma teraz zaplanowanego spotkania")
