"""Choosing without buttons, as conversations: by label, number or reaction, also under an older message."""

import pytest

from handlers.dialogue.choices import by_number, number_emoji
from handlers.dialogue.message import Kind
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

OFFERED = [["Będę", "/rsvp 1 yes"], ["Może", "/rsvp 1 maybe"], ["Nie będę", "/rsvp 1 no"]]


def test_an_option_is_chosen_by_its_number_and_the_message_shows_it(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    said = anna.says("1", "Wybrano: Będę", "Twoja odpowiedź: będę")
    assert said.index("Wybrano") < said.rindex("Twoja odpowiedź: będę")
    shown = anna.seen[-2]
    assert (shown.replaces, shown.options) == (anna.ref_of("Wybrano: Będę"), ())


@pytest.mark.parametrize("typed", ["będę", "BEDE", "1", " 1. ", "1)", number_emoji(1)])
def test_words_and_numbers_mean_the_same(house: House, typed: str) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    anna.says(typed, "Twoja odpowiedź: będę")


def test_a_reaction_answers_in_place(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania")
    ref = anna.ref_of("Rada Klastra")
    anna.reacts(number_emoji(3), "Rada Klastra", "Twoja odpowiedź: nie będę")
    assert anna.seen[-1].replaces == ref


def test_a_reaction_to_an_announcement_answers_its_meeting(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    plan(ewa)
    ewa.presses("Ogłoś to spotkanie")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.says("/pomoc")
    anna.reacts(number_emoji(2), "Ogłoszenie Klastra", "Twoja odpowiedź: może")


@pytest.mark.parametrize("emoji", ["👍", number_emoji(9), "7", ""])
def test_a_reaction_that_chooses_nothing_is_let_be(house: House, emoji: str) -> None:
    anna = house.person("Anna")
    anna.says("/start")
    assert anna.reacts(emoji, "Klaster") == ""


def test_a_reaction_to_what_the_bot_did_not_say_is_let_be(house: House) -> None:
    anna, jan = house.person("Anna"), house.person("Jan")
    jan.says("/start")
    anna.says("/start")
    stranger = anna.incoming(text="1", kind=Kind.REACTION, answers=jan.ref_of("Klaster"))
    assert anna.does(stranger) == ""
    assert anna.does(anna.incoming(text="1", kind=Kind.REACTION, answers="nowhere")) == ""


def test_a_reply_chooses_under_the_message_it_answers(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    anna.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    anna.says("1", "Wybrano: Będę", "Twoja odpowiedź: będę", answers=anna.ref_of("Rada Klastra"))


def test_a_number_that_a_form_asks_for_is_no_choice(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("2")
    ewa.says("/anuluj")
    ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    ewa.says("1", "Kto ma je dostać?")
    ewa.says("1", "Wybrano: Wszyscy", "Kiedy?")
    ewa.says("1", "Wybrano: Teraz", "Odbiorcy: wszyscy")


def test_what_is_chosen_is_checked_like_what_is_typed(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    ewa.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    ewa.does(ewa.incoming(text="1", answers=ewa.ref_of("Nie ma jeszcze")), "Nic nie czeka na wysłanie.")
    anna.does(anna.incoming(text="1", answers=ewa.ref_of("Nie ma jeszcze")))
    assert "Nic nie czeka" not in anna.says("1")


@pytest.mark.parametrize("text", ["0", "4", "10", "1 2", "1x", "-1", "1.5", ""])
def test_what_is_no_number_of_an_option_chooses_none(text: str) -> None:
    assert by_number(OFFERED, text) is None
