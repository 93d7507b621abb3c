"""Edits of one's own messages, as conversations: the last one is understood anew, older ones are let be."""

from functools import partial

import pytest
from markupsafe import Markup

from handlers.dialogue.message import Incoming, Kind
from storage.conversations import Conversation
from storage.database import Session
from storage.deliveries import Delivery
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

CLUSTER, CHAIR = "sieć stałej współpracy", "Przewodnicz"
HINT = "Widzę tylko poprawki w ostatniej wiadomości."


def conversation(house: House) -> Conversation:
    """Return the only conversation."""
    return house.database.read(lambda session: session.query(Conversation).one())


def test_an_edited_question_is_answered_in_place(house: House) -> None:
    anna = house.person("Anna")
    anna.says("/start")
    anna.says("co to jest klaser xyz")
    seen = len(anna.screen())
    anna.edits("kto jest przewodniczącym rady", CHAIR)
    anna.edits("co to jest klaster", CLUSTER)
    assert len(anna.screen()) == seen
    assert CLUSTER in anna.screen()[-1]


def test_an_edit_forgets_what_was_spoken_of_before_it(house: House) -> None:
    anna, jan = house.person("Anna"), house.person("Jan")
    anna.says("kto jest przewodniczącym rady")
    expected = anna.says("a gdzie to jest?")
    jan.says("kto jest przewodniczącym rady")
    jan.says("co to jest klaster")
    assert jan.edits("a gdzie to jest?") == expected


def test_an_edit_that_changes_no_word_is_nothing_new(house: House) -> None:
    anna = house.person("Anna")
    anna.says("co to jest klaster")
    assert anna.edits("co to jest klaster") == ""
    assert anna.edits(" co to jest klaster ", markup=Markup("co to jest <b>klaster</b>")) == ""
    assert anna.edits("kto jest przewodniczącym rady", CHAIR)
    assert anna.edits("kto jest przewodniczącym rady") == ""


def test_the_same_edit_again_is_nothing_new(house: House) -> None:
    anna = house.person("Anna")
    anna.says("co to jest klaster")
    edit = anna.incoming(text="kto jest przewodniczącym rady", kind=Kind.EDITED, ref=anna.wrote[-1])
    anna.does(edit, CHAIR)
    house.restart()
    assert anna.does(edit) == ""


def test_an_older_message_is_let_be(house: House) -> None:
    anna = house.person("Anna")
    anna.says("co to jest klaster")
    anna.says("kto jest przewodniczącym rady", CHAIR)
    assert anna.edits("/spotkania", back=2) == ""
    anna.says("/spotkania")
    anna.presses("Menu")
    assert anna.edits("co to jest klaster") == ""


def test_somebody_elses_message_is_not_edited(house: House) -> None:
    anna = house.person("Anna", chat="room")
    mallory = house.person("Mallory", chat="room")
    mallory.says("/start@bot")
    anna.says("co to jest klaster", CLUSTER)
    before = anna.screen()
    for kind in (Kind.EDITED, Kind.REDACTED):
        mallory.does(mallory.incoming(text="/privacy", kind=kind, ref=anna.wrote[-1], private=True))
        assert anna.screen() == before


def test_an_answer_in_a_form_is_replaced_and_the_next_question_asked_in_place(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rda", "Kiedy się zaczyna?")
    seen = len(ewa.screen())
    ewa.edits("Rada Klastra", "Kiedy się zaczyna?")
    ewa.edits("?!", "Nie widzę tu liter.", "Jaki tytuł ma spotkanie?")
    ewa.edits("Rada Klastra", "Kiedy się zaczyna?")
    assert len(ewa.screen()) == seen
    ewa.says("1.12 17:00", "Gdzie się odbędzie?")
    ewa.edits("wczoraj 17:00", "Kiedy się zaczyna?")
    ewa.edits("2.12 17:00", "Gdzie się odbędzie?")
    ewa.says("Ratusz")
    ewa.presses("Pomiń")
    ewa.presses("Pomiń", "Rada Klastra", "2 grudnia")
    ewa.presses("Zapisz", "Zapisano.")
    assert ewa.edits("Kino") == ""


def test_a_correction_after_bad_input_is_taken_in_place(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada")
    ewa.says("32 grudnia", "Kiedy się zaczyna?")
    seen = len(ewa.screen())
    ewa.edits("30 grudnia 17:00", "Gdzie się odbędzie?")
    assert len(ewa.screen()) == seen


def test_an_older_answer_in_a_form_is_to_be_sent_anew(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rda")
    ewa.says("1.12 17:00", "Gdzie się odbędzie?")
    ewa.edits("Rada", HINT, "Gdzie się odbędzie?", back=2)
    ewa.edits("Rada Klastra", HINT, back=2)
    ewa.says("Ratusz", "Jaki jest program?")


def test_within_a_form_the_formatting_counts(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_ogloszenie")
    ewa.says("Ważne: jutro")
    ewa.edits("Ważne: jutro", "Kto ma je dostać?", markup=Markup("<b>Ważne</b>: jutro"))
    ewa.says("Wszyscy")
    ewa.says("Teraz", "Ważne: jutro")
    assert "<b>Ważne</b>" in ewa.seen[-1].text


def test_a_form_opened_by_mistake_is_closed_again(house: House) -> None:
    anna = house.person("Anna")
    anna.says("/zglos", "Jaka organizacja")
    anna.edits("/spotkania", "Nie ma teraz zaplanowanego spotkania")
    anna.says("co to jest klaster", CLUSTER)


def test_a_name_with_a_typo_is_corrected(house: House) -> None:
    anna = house.person()
    anna.says("/imie", "Jak się nazywasz?")
    anna.says("Ana Nowak", "Ana Nowak")
    anna.edits("Anna Nowak", "Anna Nowak")
    anna.says("/profil", "Imię i nazwisko: Anna Nowak")


def test_an_edited_choice_is_the_other_choice(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    anna.says("1", "Wybrano: Będę", "Twoja odpowiedź: będę")
    before = len(anna.screen())
    for typed, answer in (("2", "może"), ("nie będę", "nie będę"), ("1", "będę"), ("3.", "nie będę")):
        anna.edits(typed, "Wybrano", f"Twoja odpowiedź: {answer}")
        assert f"Wybrano: {answer.capitalize()}" in anna.screen()[0]
    assert len(anna.screen()) == before
    ewa.says("/obecnosc 1", "Anna: nie będzie")


def test_a_command_that_becomes_a_choice_is_one_under_what_was_offered_before(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    anna.says("/rsvp 1 yes", "Twoja odpowiedź: będę")
    anna.edits("2", "Twoja odpowiedź: może")
    assert ["Wybrano: Może" in text for text in anna.screen()] == [True, False]


def test_an_edited_choice_under_an_older_message_stays_under_that(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania", "Rada Klastra")
    anna.says("/jezyk", "Po polsku czy po angielsku?")
    anna.says("1", "Twoja odpowiedź: będę", answers=anna.ref_of("Rada Klastra"))
    anna.edits("2", "Wybrano: Może", "Twoja odpowiedź: może")


def test_a_choice_that_opens_a_form_is_taken_back_with_it(house: House) -> None:
    ewa, nobody = house.coordinator(), house.person()
    plan(ewa)
    nobody.says("/spotkania", "Rada Klastra")
    nobody.says("1", "Twoja odpowiedź: będę", "Jak się nazywasz?")
    nobody.edits("2", "Twoja odpowiedź: może", "Jak się nazywasz?")
    nobody.says("Anna Nowak", "Anna Nowak")
    ewa.says("/obecnosc 1", "Anna Nowak")


def test_a_reply_to_a_meeting_stands_when_its_message_becomes_something_else(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/rsvp 1 yes", "Twoja odpowiedź: będę")
    before = anna.screen()
    anna.edits("co to jest klaster", CLUSTER)
    assert anna.screen()[: len(before)] == before
    anna.edits("/rsvp 99 no", "Nie ma takiego spotkania")
    anna.edits("/rsvp 1 no", "Twoja odpowiedź: nie będę")


def test_a_code_counts_once_and_the_right_one_counts_after_a_wrong_one(house: House) -> None:
    ewa, code = house.person("Ewa"), house.coordinator_code()
    ewa.says("/claim ABC", "Ten kod jest nieważny.")
    ewa.edits(f"/claim {code}", "Witamy w roli koordynatora")
    before = ewa.screen()
    ewa.edits(f"/claim {code} ", "")
    ewa.edits(f"/claim {code}x", "Ten kod jest nieważny.")
    assert ewa.screen()[: len(before)] == before
    ewa.says("/nowe_spotkanie", "Jaki tytuł")


def test_what_was_confirmed_is_not_undone(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    for answer in ("Rada", "1.12 17:00", "Ratusz", "Pomiń", "Pomiń"):
        ewa.says(answer)
    ewa.says("1", "Wybrano: Zapisz", "Zapisano.")
    before = ewa.screen()
    ewa.edits("2", "Ta sprawa jest już zamknięta")
    ewa.edits("3", "Ta sprawa jest już zamknięta")
    ewa.edits("Zapisz", "Ta sprawa jest już zamknięta")
    assert ewa.screen()[len(before) - 1] == before[-1]
    ewa.says("/spotkania", "Rada")
    assert "Później" not in "".join(ewa.labels())


def test_nothing_typed_is_kept_once_a_form_is_over(house: House) -> None:
    anna = house.person("Anna")
    for text in ("/zglos", "Zorza sp. z o.o.", "Anna Nowak", "600 700 800", "woda", "1"):
        anna.says(text)
    assert "Zorza" in str(conversation(house).form)
    anna.says("3", "Anulowano.", markup=Markup("<i>3</i>"))
    assert "Zorza" not in str((conversation(house).form, conversation(house).last))
    assert anna.edits("3", markup=Markup("<i>3</i>")) == ""


def test_no_question_is_kept(house: House) -> None:
    anna = house.person("Anna")
    anna.says("co to jest klaster")
    anna.edits("kto jest przewodniczącym rady?")
    kept = str(conversation(house).last)
    assert "klaster" not in kept
    assert "przewodnicz" not in kept


def test_a_wrong_command_is_corrected(house: House) -> None:
    anna = house.person("Anna")
    anna.says("/spotknia", "Czy chodzi o /spotkania?")
    seen = len(anna.screen())
    anna.edits("/spotkania", "Nie ma teraz zaplanowanego spotkania")
    anna.edits("/spotknia", "Czy chodzi o /spotkania?")
    assert len(anna.screen()) == seen


def test_an_answer_that_became_a_wrong_command_is_asked_for_again(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada", "Kiedy się zaczyna?")
    ewa.edits("/nieznane_zupelnie", "Nie znam tego polecenia.")
    ewa.says("Rada Klastra", "Kiedy się zaczyna?")


def test_an_answer_that_has_not_been_sent_is_followed_by_a_new_one(house: House) -> None:
    anna = house.person("Anna")
    house.unconfirmed.add(anna.sender)
    anna.says("co to jest klaster", CLUSTER)
    house.unconfirmed.clear()
    house.database.write(partial(forget_refs, address=anna.sender))
    anna.edits("kto jest przewodniczącym rady", CHAIR)
    assert anna.seen[-1].replaces is None
    anna.edits("co to jest klaster", CLUSTER)
    assert anna.seen[-1].replaces is not None


def forget_refs(session: Session, address: str) -> None:
    """Let the platform's ids of what was sent to an address be unknown."""
    for one in session.query(Delivery).filter_by(address=address):
        one.platform_ref = None


def test_an_announcement_between_does_not_matter(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("co to jest klaster")
    ewa.says("/nowe_ogloszenie")
    for answer in ("Uwaga", "Wszyscy", "Teraz"):
        ewa.says(answer)
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.hears("Uwaga")
    anna.edits("kto jest przewodniczącym rady", CHAIR)
    assert "Uwaga" in anna.screen()[-1]


def test_a_redacted_message_is_not_understood_anew(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("co to jest klaster")
    ewa.redacts()
    assert ewa.edits("kto jest przewodniczącym rady") == ""
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada", "Kiedy się zaczyna?")
    ewa.redacts()
    assert ewa.edits("Kino") == ""
    ewa.says("1.12 17:00", "Gdzie się odbędzie?")
    ewa.redacts(back=2)
    ewa.edits("2.12 17:00", "Gdzie się odbędzie?")


def test_a_redaction_makes_nobody_known(house: House) -> None:
    house.person("Anna").does(
        Incoming(
            channel="matrix",
            event_id="$1",
            sender="@anna:hs",
            address="!room",
            received_at=house.now,
            kind=Kind.REDACTED,
            ref="$0",
        )
    )
    assert house.database.read(lambda session: session.query(Conversation).count()) == 0


def test_who_writes_too_fast_is_not_understood_by_editing_either(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada", "Kiedy się zaczyna?")
    for number in range(40):
        ewa.edits(f"Rada {number}")
    house.pass_time(minutes=5)
    ewa.says("1.12 17:00", "Gdzie się odbędzie?")
