"""People and moments at odds: two coordinators at once, lost roles, groups, things gone meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.dialogue.message import Kind
from storage.database import Session
from storage.meetings import Meeting
from storage.people import Person
from tests.handlers.test_bad_input import OUT_OF_DATE, announce, confirm
from tests.handlers.test_joining import apply
from tests.handlers.test_meetings import plan
from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")

GROUP = "-1001"
IN_PRIVATE = "napisz do mnie w prywatnej rozmowie"


def change_person(house: House, name: str, **columns: object) -> None:
    """Change what the store says of a person, as an administrator would."""

    def work(session: Session) -> None:
        for person in session.query(Person).filter_by(name=name):
            for column, value in columns.items():
                setattr(person, column, value)

    house.database.write(work)


# ---- two at once -------------------------------------------------------------------------------------------


def test_two_who_edit_a_meeting_keep_each_others_changes(house: House) -> None:
    ewa, adam, anna = house.coordinator("Ewa"), house.coordinator("Adam"), house.person("Anna")
    plan(ewa)
    anna.says("/rsvp 1 yes")
    for chief, field, value in ((ewa, "Kiedy", "2.12 18:00"), (adam, "Miejsce", "Magistrat")):
        chief.says("/edit_meeting 1")
        chief.presses("Zmień")
        chief.presses(field)
        chief.says(value)
    ewa.presses("Zapisz", "środa 2 grudnia, 18:00", "Kamienica Kupiecka")
    adam.presses("Zapisz", "środa 2 grudnia, 18:00", "Magistrat")
    anna.says("/spotkania", "środa 2 grudnia, 18:00", "Magistrat")


def test_an_edit_that_changes_nothing_disturbs_nobody(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/rsvp 1 yes")
    ewa.says("/edit_meeting 1")
    ewa.presses("Zapisz", "Powiadomiono 0 osób.")
    assert anna.hears() == ""


def test_an_edit_of_a_meeting_called_off_meanwhile_is_not_saved(house: House) -> None:
    ewa, adam = house.coordinator("Ewa"), house.coordinator("Adam")
    plan(ewa)
    ewa.says("/edit_meeting 1")
    adam.says("/cancel_meeting 1 yes", "Odwołano.")
    ewa.presses("Zapisz", "To spotkanie zostało odwołane.")


def test_two_who_decide_an_application_at_once_decide_it_once(house: House) -> None:
    ewa, adam, anna = house.coordinator("Ewa"), house.coordinator("Adam"), house.person("Anna")
    apply(anna)
    confirm(anna)
    presses = [ewa.incoming(pressed="/accept 1"), adam.incoming(pressed="/refuse 1 yes")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(house._handling.handle, presses))
    heard = anna.hears()
    assert ("przyjęte:" in heard) + ("nie zostało przyjęte" in heard) == 1


# ---- gone meanwhile ----------------------------------------------------------------------------------------


def test_nobody_is_invited_to_a_meeting_called_off_meanwhile(house: House) -> None:
    ewa, adam, anna = house.coordinator("Ewa"), house.coordinator("Adam"), house.person("Anna")
    anna.says("/start")
    plan(ewa)
    ewa.presses("Ogłoś to spotkanie", "Tak to będzie wyglądać")
    adam.says("/cancel_meeting 1 yes")
    confirm(ewa, "To spotkanie zostało odwołane.")
    house.tick()
    assert anna.hears() == ""


def test_a_time_that_passes_while_the_form_is_open_is_not_taken(house: House) -> None:
    ewa = house.coordinator()
    announce(ewa, when="jutro 9:00")
    house.now = house.now.replace(day=25)
    confirm(ewa, "Ten termin już minął.")
    ewa.says("/nowe_spotkanie")
    for text in ("Rada", "jutro 9:00", "Ratusz", "Budżet", "30"):
        ewa.says(text)
    house.now = house.now.replace(day=27)
    ewa.presses("Zapisz", "Ten termin już minął.")
    assert house.database.read(lambda session: session.query(Meeting).count()) == 0


def test_whoever_opts_out_between_preview_and_sending_gets_nothing(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    announce(ewa)
    anna.says("/powiadomienia off")
    confirm(ewa)
    anna.says("/powiadomienia śmieci", "Ogłoszenia: wyłączone")
    house.tick()
    assert anna.hears() == ""


def test_what_is_cancelled_at_the_moment_it_is_due_is_not_sent(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    announce(ewa, when="jutro 9:00")
    confirm(ewa)
    house.now = house.now.replace(day=24, hour=8)
    ewa.says("/cancel_announcement 1 yes", "nie zostanie wysłane")
    house.tick()
    assert anna.hears() == ""


def test_a_member_who_was_removed_is_none_any_more(house: House) -> None:
    anna = house.member("Anna", "Wodociągi")
    ewa = house.coordinator()
    plan(ewa)
    anna.says("/rsvp 1 yes")
    change_person(house, "Anna", organisation_id=None)
    anna.says("/profil", "Organizacja: brak")
    ewa.says("/obecnosc 1", "Bez organizacji, będzie: 1\nAnna: będzie")
    announce(ewa)
    ewa.presses("Zmień")
    ewa.presses("Odbiorcy")
    ewa.presses("Członkowie", "Dostanie je 0 osób.")


@pytest.mark.parametrize("form", ["/nowe_spotkanie", "/nowe_ogloszenie"])
def test_who_no_longer_coordinates_cannot_finish_a_form(house: House, form: str) -> None:
    ewa = house.coordinator("Ewa")
    for text in (form, "Rada", "Wszyscy", "1.12 17:00", "Teraz", "Ratusz", "Budżet", "30"):
        ewa.says(text)
    change_person(house, "Ewa", coordinates=False)
    confirm(ewa, OUT_OF_DATE)
    ewa.says("/anuluj", OUT_OF_DATE)
    ewa.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")


# ---- forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["/nowe_spotkanie", "/nowe_ogloszenie", "/zglos", "/imie"])
def test_a_form_cannot_be_finished_before_its_end(house: House, form: str) -> None:
    ewa = house.coordinator()
    question = ewa.says(form)
    for forged in ("/change", "/back", "/confirm", "/popraw", "/change", "/skip"):
        ewa.says(forged, question)
    ewa.says("/anuluj", "Nic nie zostało zapisane")


def test_a_form_goes_on_after_a_restart(house: House) -> None:
    ewa = house.coordinator()
    for text in ("/nowe_spotkanie", "Rada", "1.12 17:00"):
        ewa.says(text)
    house.restart()
    ewa.says("Ratusz", "Jaki jest program?")
    ewa.presses("Wstecz", "Gdzie się odbędzie?")


def test_a_language_changed_in_mid_form_is_spoken_from_then_on(house: House) -> None:
    anna = house.person("Anna")
    anna.says("/zglos")
    anna.says("Zorza")
    anna.says("/jezyk en", "From now on we speak English.", "Who is the contact person?")
    anna.says("Anna Nowak", "Which e-mail address")
    anna.says("/language xx", "Polish or English?", "Which e-mail address")
    anna.presses("Back", "Who is the contact person?")


PAYLOADS = ("m", "m0", "m-1", "m²", "m٣", "m" + "9" * 63, "m" + "0" * 62 + "1", "join'--", "<b>", "🎉")


def test_a_strange_link_still_greets_or_says_that_there_is_no_such_meeting(house: House) -> None:
    plan(house.coordinator())
    anna = house.person("Anna")
    for payload in PAYLOADS:
        answer = anna.says(f"/start {payload}")
        assert answer.startswith(("Dzień dobry!", "Nie ma takiego spotkania."))


# ---- groups ------------------------------------------------------------------------------------------------


def in_group(house: House, name: str) -> Somebody:
    """Return somebody who is known already and now writes in a group."""
    somebody = house.person(name)
    somebody.says("/start")
    somebody.chat = GROUP
    return somebody


def test_what_is_private_is_done_in_the_persons_own_chat(house: House) -> None:
    anna = in_group(house, "Anna")
    for line, answer in (("/profil", "Imię i nazwisko: Anna"), ("/imie Jan", "Jan"), ("/zglos", "Jaka")):
        anna.says(line, answer)
        assert house.answered_at == [anna.sender]
    assert anna.says("/nieznane") == ""
    anna.says("kto przewodniczy radzie?", "Rad")
    assert house.answered_at == [GROUP]
    anna.chat = ""
    anna.says("Zorza", "osobą do kontaktu")


def test_who_has_no_chat_with_the_bot_is_asked_to_open_one(house: House) -> None:
    anna = house.person("Anna", chat=GROUP)
    for line in ("/start", "/profil", "/imie Jan", "/claim AAAAA-AAAAA", "/zglos"):
        anna.says(line, IN_PRIVATE)
        assert house.answered_at == [GROUP]


def test_what_cannot_be_done_is_said_in_the_persons_own_chat(house: House) -> None:
    anna = in_group(house, "Anna")
    anna.says("/claim AAAAA-AAAAA", "Ten kod jest nieważny")
    assert house.answered_at == [anna.sender]


def test_a_coordinators_form_does_not_go_on_in_a_group(house: House) -> None:
    ewa = house.coordinator()
    ewa.chat = GROUP
    ewa.says("/nowe_spotkanie", "Jaki tytuł")
    assert house.answered_at == [ewa.sender]
    assert "Kiedy się zaczyna?" not in ewa.says("Rada")
    ewa.chat = ""
    ewa.says("Rada", "Kiedy się zaczyna?")


def test_somebody_elses_button_in_a_group_changes_nothing_of_theirs(house: House) -> None:
    anna, jan = house.person("Anna"), in_group(house, "Jan")
    anna.says("/imie")
    forged = anna.option("Anuluj").value
    anna.chat = GROUP
    jan.does(jan.incoming(pressed=forged, message_ref="5"), "Ta sprawa jest już zamknięta")
    assert house.answered_at == [jan.sender]
    anna.chat = ""
    anna.says("Anna Nowak", "widnieje teraz: Anna Nowak")


def test_what_is_ones_own_is_not_told_in_a_group(house: House) -> None:
    ewa, anna = house.coordinator(), house.member("Anna", "Wodociągi")
    plan(ewa)
    anna.says("/rsvp 1 yes")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Tylko dla nas")
    ewa.presses("Członkowie")
    ewa.presses("Teraz")
    confirm(ewa)
    house.tick()
    jan = house.person("Jan")
    apply(jan, "Zorza")
    confirm(jan)
    anna.says("jakie są najnowsze ogłoszenia?", "Tylko dla nas")
    anna.says("czy jestem zapisana na spotkanie?", "Twoja odpowiedź: będę.")
    anna.chat = jan.chat = GROUP
    assert "Tylko dla nas" not in anna.says("jakie są najnowsze ogłoszenia?")
    assert "Twoja odpowiedź" not in anna.says("czy jestem zapisana na spotkanie?")
    assert "Zorza" not in jan.says("/dolacz", "Klaster jest otwarty")


def test_a_closed_account_hears_nothing_until_its_person_writes(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/rsvp 1 yes")
    anna.does(anna.incoming(kind=Kind.CLOSED))
    ewa.says("/cancel_meeting 1 yes", "Powiadomiono 0 osób.")
    assert anna.hears() == ""
