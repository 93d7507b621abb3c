"""Bad input, as conversations: each gets one clear sentence, and nothing is lost, half-saved or shown raw."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from markupsafe import Markup

from bot.dispatch import PAUSE, TALK
from storage.meetings import Attendance, Meeting
from storage.people import Person
from tests.handlers.test_joining import apply
from tests.handlers.test_meetings import plan
from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")

HTML = "<b>a</b> & \"b\" <script>alert('c')</script>"
SORRY = "Coś poszło nie tak"
OUT_OF_DATE = "Ta sprawa jest już zamknięta"


def announce(ewa: Somebody, text: str = "Dzień dobry", when: str = "Teraz", **more: Any) -> None:
    """Fill in an announcement to everyone, up to its summary."""
    ewa.says("/nowe_ogloszenie")
    ewa.says(text, **more)
    ewa.presses("Wszyscy")
    ewa.says(when)
    if when != "Teraz":
        ewa.presses("Raz")


def confirm(somebody: Somebody, *expected: str) -> str:
    """Press the first button under a form's summary."""
    return somebody.presses(somebody.labels()[0], *expected)


def count(house: House, table: type[Any]) -> int:
    """Return how many rows a table has."""
    return house.database.read(lambda session: session.query(table).count())


# ---- words ------------------------------------------------------------------------------------------------


ODD_WORDS = {
    "/nieznane": "polecenia",
    "/spotkanai": "Czy chodzi o /spotkania?",
    "/spotkania\n1": "Nie ma teraz zaplanowanego spotkania",
    "//": "Nie rozumiem tej wiadomości",
    "a" * 100_000: "Ta wiadomość jest za długa: czytam najwyżej 4000 znaków.",
    "\x00\x07\x1b": "Nie widzę tu słów.",
    "\u200b\u200d\u202e\u2066\ufeff": "Nie widzę tu słów.",
    "\u0301": "Nie rozumiem tej wiadomości",
    "🎉🎉🎉": "Nie rozumiem tej wiadomości",
    "\u202e/prywatnosc": "Co bot o Tobie przechowuje",
}


def test_odd_words_get_one_clear_answer(house: House) -> None:
    anna = house.person("Anna")
    for text, expected in ODD_WORDS.items():
        answers = house.handle(anna.incoming(text=text))
        assert len(answers) == 1
        assert expected in answers[0].text


@pytest.mark.parametrize("language", ["", "xx", "../../pl", "pl\x00", "PL_pl", "-", "💥", "a" * 5_000])
def test_a_strange_language_code_is_answered_in_one_of_ours(house: House, language: str) -> None:
    answer = house.person("Anna", language=language).says("/start")
    assert answer.startswith(("Dzień dobry!", "Good day!"))


def test_only_a_coordinator_is_pointed_to_a_coordinators_command(house: House) -> None:
    house.coordinator().says("/nowe_spotkani", "Czy chodzi o /nowe_spotkanie?")
    assert "nowe_spotkanie" not in house.person("Anna").says("/nowe_spotkani")


@pytest.mark.parametrize("what", ["photo", "voice", "rich_message"])
def test_what_is_no_text_is_asked_for_in_words_and_the_form_goes_on(house: House, what: str) -> None:
    anna = house.person("Anna")
    anna.sends(what, "Umiem czytać tylko tekst.")
    anna.says("/zglos")
    anna.sends(what, "Umiem czytać tylko tekst.", "Jaka organizacja chce dołączyć?")
    anna.says("Zorza", "Kto jest osobą do kontaktu?")


@pytest.mark.parametrize("name", ["🎉", "...", "\u0301", "\u3164", "\u2800"])
def test_a_name_without_letters_is_none(house: House, name: str) -> None:
    anna = house.person("Anna Nowak")
    anna.says(f"/imie {name}", "Nie widzę tu liter.")
    anna.says("/imie")
    anna.says(name, "Nie widzę tu liter.", "Jak się nazywasz?")
    anna.says("\u200d\u200d", "Nie widzę tu słów.", "Jak się nazywasz?")
    anna.says("/anuluj")
    anna.says("/profil", "Imię i nazwisko: Anna Nowak")


def test_a_name_from_a_platform_is_cleaned(house: House) -> None:
    anna = house.person("Anna\n\u202eNowak\x00\ud800\u200b " + "a" * 500)
    house.coordinator()
    text = anna.says("/profil", "Imię i nazwisko: Anna Nowak aaa")
    assert "a" * 80 not in text


@pytest.mark.parametrize("contact", ["---------", "(((((((((((", "+48 600 700", "anna@", "a@b", "٣٣٣٣٣٣٣٣٣"])
def test_what_is_no_contact_is_asked_for_again(house: House, contact: str) -> None:
    anna = house.person("Anna")
    for text in ("/zglos", "Zorza", "Anna Nowak"):
        question = anna.says(text)
    answer = anna.says(contact)
    assert answer.endswith(f".\n\n{question}")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("30 lutego 17:00", "Nie ma takiego dnia"),
        ("29.02.2027 17:00", "Nie ma takiego dnia"),
        ("12.12 25:61", "Nie ma takiego dnia"),
        ("1.1.2020 12:00", "Ten termin już minął."),
        ("1.1.9999 12:00", "To za ponad dwa lata."),
        ("jutro", "Brakuje godziny."),
        ("🕔" * 50, "Nie rozumiem tej daty."),
        ("9" * 3_999, "Nie rozumiem tej daty."),
    ],
)
def test_a_time_that_does_not_exist_is_asked_for_again(house: House, when: str, expected: str) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada")
    ewa.says(when, expected, "Kiedy się zaczyna?")


def test_an_hour_that_the_clock_skips_is_shown_as_it_will_be(house: House) -> None:
    ewa = house.coordinator()
    plan(ewa, when="28.03.2027 2:30")
    ewa.says("/spotkania", "niedziela 28 marca 2027, 3:30")


@pytest.mark.parametrize("places", ["0", "-1", "1,5", "²", "٣", "100001", "0000000019999999999", "1" * 3_999])
def test_a_number_of_places_that_cannot_be_is_asked_for_again(house: House, places: str) -> None:
    ewa = house.coordinator()
    for text in ("/nowe_spotkanie", "Rada", "1.12 17:00", "Ratusz", "Budżet"):
        ewa.says(text)
    ewa.says(places, "liczbę od 1 do 100000", "Ile osób może przyjść?")


# ---- markup -----------------------------------------------------------------------------------------------


def test_markup_in_any_field_is_shown_to_everybody_as_it_was_typed(house: House) -> None:
    ewa = house.coordinator(HTML)
    anna = house.member(HTML, HTML)
    plan(ewa, title=HTML)
    house.now += TALK.interval * TALK.burst
    for reader in (anna, ewa):
        for text in ("/spotkania", "Będę", "/profil", "kiedy następne spotkanie?", "gdzie jest spotkanie?"):
            assert HTML in reader.says(text)
    house.now += TALK.interval * TALK.burst
    ewa.says("/obecnosc 1", HTML)
    ewa.says("/edit_meeting 1", HTML)
    for text in ("/change", "Miejsce", HTML, "/change", "Program", HTML, "Zapisz"):
        ewa.says(text)
    house.now += TALK.interval * TALK.burst
    announce(ewa, HTML)
    confirm(ewa)
    house.tick()
    anna.says("jaki jest program spotkania?", HTML)
    anna.says("/ogloszenia", HTML)
    ewa.says("/cancel_meeting 1", HTML)
    ewa.says("/cancel_meeting 1 yes")
    anna.says(HTML)
    house.deliver()
    shown = [message for reader in (anna, ewa) for message in reader.seen]
    assert sum(HTML in Markup(message.text).unescape() for message in shown) > 20
    assert [message.text for message in shown if HTML in message.text or "<script" in message.text] == []


def test_a_button_with_a_title_on_it_reads_as_the_title(house: House) -> None:
    ewa = house.coordinator()
    for title in ("Woda & ścieki <pilne> " * 5, "Rada"):
        plan(ewa, title=title)
    ewa.says("/nowe_ogloszenie")
    ewa.says("Dzień dobry")
    ewa.presses("Uczestnicy spotkania")
    announced = ewa.labels()[0]
    ewa.says("/obecnosc")
    for label in (announced, ewa.labels()[0]):
        assert label.startswith("wtorek 1 grudnia: Woda & ścieki <")
        assert len(label) <= 40


# ---- buttons of the past, and pressed twice ----------------------------------------------------------------


def test_a_button_of_an_earlier_question_does_nothing(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    old = ewa.option("Anuluj")
    ewa.says("Rada", "Kiedy się zaczyna?")
    ewa.does(ewa.incoming(pressed=old.value), OUT_OF_DATE)
    ewa.says("1.12 17:00", "Gdzie się odbędzie?")


def test_buttons_of_what_is_over_say_so(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    apply(anna)
    confirm(anna)
    announce(ewa, when="jutro 9:00")
    confirm(ewa)
    house.now += TALK.interval * TALK.burst
    for line in ("/cancel_meeting 1 yes", "/refuse 1 yes", "/cancel_announcement 1 yes"):
        ewa.says(line)
    over = {
        "/rsvp 1 yes": "To spotkanie zostało odwołane.",
        "/edit_meeting 1": "To spotkanie zostało odwołane.",
        "/cancel_meeting 1 yes": "To spotkanie zostało odwołane.",
        "/accept 1": "być może już zapadła",
        "/refuse 1 yes": "być może już zapadła",
        "/cancel_announcement 1 yes": "To ogłoszenie nie czeka na wysłanie.",
        "/topic no_such_topic": "Tego pytania już nie mam.",
        "/confirm abcdef": OUT_OF_DATE,
    }
    for line, expected in over.items():
        ewa.does(ewa.incoming(pressed=line, message_ref="7"), expected)
    assert anna.hears().count("nie zostało przyjęte") == 1


@pytest.mark.parametrize("topic", ["member_listed", "member_accepted"])
def test_a_topic_that_needs_a_name_is_not_told_without_one(house: House, topic: str) -> None:
    house.person("Anna").says(f"/topic {topic}", "Tego pytania już nie mam.")


def twice(somebody: Somebody) -> None:
    """Confirm twice; the second press comes too late."""
    option = somebody.seen[-1].options[0]
    somebody.does(somebody.incoming(pressed=option.value, message_ref="1"))
    somebody.does(somebody.incoming(pressed=option.value, message_ref="1"), OUT_OF_DATE)


def test_a_confirmation_pressed_twice_counts_once(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    for text in ("/nowe_spotkanie", "Rada", "1.12 17:00", "Ratusz", "Budżet", "30"):
        ewa.says(text)
    twice(ewa)
    announce(ewa)
    twice(ewa)
    apply(anna)
    twice(anna)
    house.tick()
    assert anna.hears().count("Ogłoszenie Klastra") == 1
    ewa.says("/zgloszenia")
    assert ewa.hears().count("Zgłoszenie do Klastra") == 1
    assert count(house, Meeting) == 1


def test_two_presses_at_once_leave_one_answer(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    presses = [anna.incoming(pressed=f"/rsvp 1 {answer}") for answer in ("yes", "no", "maybe") * 4]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(house._handling.handle, presses))
    assert all(len(done.answers) == 1 for done in answers)
    assert count(house, Attendance) == 1


def test_of_many_who_press_at_once_only_as_many_come_as_there_are_places(house: House) -> None:
    plan(house.coordinator(), places="3")
    presses = [house.person(f"Gość {number}").incoming(pressed="/rsvp 1 yes") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(house._handling.handle, presses))
    texts = [done.answers[0].body["text"] for done in answers]
    assert sum("Twoja odpowiedź: będę" in text for text in texts) == 3
    assert sum("Nie ma już wolnych miejsc" in text for text in texts) == 5
    assert count(house, Attendance) == 3


def test_of_two_decisions_at_once_one_stands(house: House) -> None:
    ewa, iga, anna = house.coordinator("Ewa"), house.coordinator("Iga"), house.person("Anna")
    apply(anna)
    confirm(anna)
    presses = [ewa.incoming(pressed="/accept 1"), iga.incoming(pressed="/refuse 1 yes")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(house._handling.handle, presses))
    texts = [done.answers[0].body["text"] for done in answers]
    assert sum("być może już zapadła" in text for text in texts) == 1
    assert sum(text.startswith(("Przyjęto", "Odmówiono")) for text in texts) == 1


def test_a_typed_label_that_stands_on_several_buttons_decides_nothing(house: House) -> None:
    ewa = house.coordinator()
    for name in ("Zorza", "Jutrzenka"):
        applicant = house.person(name)
        apply(applicant, name)
        confirm(applicant)
    ewa.says("/zgloszenia", "Zorza", "Jutrzenka")
    assert "Przyjęto" not in ewa.says("Przyjmij")
    ewa.says("/zgloszenia", "Zorza", "Jutrzenka")


# ---- flooding and guessing ---------------------------------------------------------------------------------


def test_a_flood_is_answered_with_one_request_and_then_with_silence(house: House) -> None:
    anna, jan = house.person("Anna"), house.person("Jan")
    answers = [anna.says("/nieznane") for _ in range(TALK.burst + 50)]
    assert "wiadomości naraz" in answers[TALK.burst]
    assert set(answers[TALK.burst + 1 :]) == {""}
    jan.says("/profil", "Imię i nazwisko: Jan")
    house.now += PAUSE + TALK.interval
    anna.says("/profil", "Imię i nazwisko: Anna")


def test_guessing_a_code_makes_nobody_a_coordinator(house: House) -> None:
    strangers = [house.person(str(number)) for number in range(10)]
    for code in ("", "' OR 1=1 --", "%", "\x00", "A" * 3_900, "AAAAA-AAAAA"):
        for stranger in strangers:
            assert "Witamy" not in stranger.says(f"/claim {code}")
    assert not any(house.database.read(lambda session: [one.coordinates for one in session.query(Person)]))
