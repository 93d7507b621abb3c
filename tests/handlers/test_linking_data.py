"""What becomes of two people's data when they are linked and unlinked, as conversations."""

import pytest

from tests.handlers.linked import code_of, link, linked, on_two
from tests.handlers.test_bad_input import OUT_OF_DATE, confirm
from tests.handlers.test_joining import apply
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

ONLY_COORDINATOR = "To może zrobić tylko koordynator."


# ---- roles, membership, applications -----------------------------------------------------------------------


def test_membership_is_common_and_falls_back_to_what_it_was(house: House) -> None:
    member, page = house.member("Anna Nowak", "Wodociągi"), house.person(channel="web")
    link(member, page)
    page.says("/profil", "Organizacja: Wodociągi")
    page.says("/nowe_spotkanie", ONLY_COORDINATOR)
    page.says("/rozlacz")
    page.says("/profil", "Organizacja: brak")
    member.says("/profil", "Organizacja: Wodociągi")


def test_a_coordinator_is_one_on_both_channels_and_afterwards_only_where_before(house: House) -> None:
    ewa, page = house.coordinator(), house.person("", channel="web")
    link(page, ewa)
    plan(page)
    ewa.says("/obecnosc", "Rada Klastra")
    page.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    page.says("Dzień dobry")
    ewa.says("/rozlacz")
    assert page.says("Wszyscy") != ""
    page.says("/confirm", OUT_OF_DATE)
    page.says("/nowe_ogloszenie", ONLY_COORDINATOR)
    ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")


def test_a_coordinator_hears_of_applications_once(house: House) -> None:
    ewa, page = house.coordinator(), house.person("", channel="web")
    link(page, ewa)
    apply(jan := house.person("Jan"))
    confirm(jan)
    assert ewa.hears("Zgłoszenie do Klastra").count("Zgłoszenie do Klastra") == 1
    assert page.hears() == ""


def test_a_role_got_while_linked_stays_where_it_was_got(house: House) -> None:
    phone, page = linked(house)
    code = house.coordinator_code()
    page.says(f"/claim {code}", "Witamy w roli koordynatora")
    phone.says("/nowe_spotkanie", "Jaki tytuł ma spotkanie?")
    phone.says("/anuluj")
    phone.says("/rozlacz")
    phone.says("/nowe_spotkanie", ONLY_COORDINATOR)
    page.says("/nowe_spotkanie", "Jaki tytuł ma spotkanie?")


@pytest.mark.parametrize("accepted", ["while linked", "afterwards"])
def test_an_application_makes_a_member_where_it_was_sent(house: House, accepted: str) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    apply(page)
    confirm(page, "zgłoszenie zapisane")
    phone.says("/dolacz", "czeka na decyzję koordynatora")
    if accepted == "while linked":
        ewa.says("/accept 1", "Przyjęto.")
        phone.says("/profil", "Organizacja: Zorza sp. z o.o.")
        phone.says("/rozlacz")
    else:
        phone.says("/rozlacz")
        page.says("/dolacz", "czeka na decyzję koordynatora")
        ewa.says("/accept 1", "Przyjęto.")
    page.says("/profil", "Organizacja: Zorza sp. z o.o.")
    phone.says("/profil", "Organizacja: brak")


def test_applications_of_both_sides_wait_and_each_is_decided(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    for one, organisation in ((phone, "Zorza"), (page, "Jutrzenka")):
        apply(one, organisation)
        confirm(one)
    ewa.hears("Zorza", "Jutrzenka")
    link(phone, page)
    ewa.says("/accept 1", "Przyjęto.")
    phone.hears("Zgłoszenie przyjęte: Zorza")
    page.says("/dolacz", "Jutrzenka")
    ewa.says("/refuse 2 yes", "Odmówiono")
    phone.hears("nie zostało przyjęte")


def test_of_two_organisations_one_is_shown_and_both_are_kept(house: House) -> None:
    phone = house.member("Anna Nowak", "Wodociągi")
    page = house.person("", channel="web")
    apply(page, "Zorza")
    confirm(page)
    house.coordinator().says("/accept 2", "Przyjęto.")
    page.hears("Zorza")
    link(page, phone, "Organizacja: Wodociągi. Druga, Zorza, wróci po rozłączeniu.")
    page.says("/profil", "Organizacja: Wodociągi")
    page.says("/rozlacz")
    page.says("/profil", "Organizacja: Zorza")
    phone.says("/profil", "Organizacja: Wodociągi")


# ---- meetings ----------------------------------------------------------------------------------------------


def test_of_two_answers_to_a_meeting_the_newer_counts_and_the_place_is_free(house: House) -> None:
    ewa, (phone, page), jan = house.coordinator(), on_two(house), house.person("Jan")
    plan(ewa, places="2")
    phone.says("/rsvp 1 yes", "Zostało 1 wolne miejsce.")
    house.pass_time(minutes=1)
    page.says("/rsvp 1 yes", "Zostało 0 wolnych miejsc.")
    page.says("/anuluj")
    link(phone, page, "Na to samo spotkanie były dwie odpowiedzi: liczy się nowsza.")
    jan.says("/rsvp 1 yes", "Zapisano.", "Będą 2 osoby.", "Zostało 0 wolnych miejsc.")
    ewa.says("/obecnosc 1", "Będzie: 2, może: 0, nie będzie: 0.", "Anna Nowak: będzie")


@pytest.mark.parametrize("newer", ["phone", "page"])
def test_the_newer_answer_stands_wherever_it_was_given(house: House, newer: str) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    plan(ewa)
    first, second = (page, phone) if newer == "phone" else (phone, page)
    first.says("/rsvp 1 yes")
    house.pass_time(minutes=1)
    second.says("/rsvp 1 no", "Zapisano. Twoja odpowiedź: nie będę.")
    phone.says("/anuluj")
    page.says("/anuluj")
    link(phone, page)
    for one in (phone, page):
        one.says("/spotkania", "Twoja odpowiedź: nie będę.", "Będzie 0 osób.")


def test_each_answer_stays_where_it_was_given_and_none_counts_twice(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    for title in ("Pierwsze", "Drugie", "Trzecie"):
        plan(ewa, title=title, places="1")
        house.pass_time(minutes=1)
    phone.says("/rsvp 1 yes")
    link(phone, page)
    page.says("/rsvp 2 yes", "Zostało 0 wolnych miejsc.")
    page.says("/rsvp 3 yes")
    house.pass_time(minutes=1)
    phone.says("/rsvp 3 yes", "Będzie 1 osoba.")
    page.says("/rozlacz")
    for number, there, elsewhere in ((1, phone, page), (2, page, phone), (3, phone, page)):
        there.says(f"/spotkania {number}", "Twoja odpowiedź: będę.", "Będzie 1 osoba.")
        elsewhere.says(f"/spotkania {number}", "Nie ma jeszcze Twojej odpowiedzi.")


# ---- both conversations stay usable ------------------------------------------------------------------------


def test_forms_open_on_both_channels_go_on(house: House) -> None:
    phone, page = on_two(house)
    page.says("/zglos", "Jaka organizacja chce dołączyć?")
    code = code_of(phone)
    phone.says("/imie", "Jak się nazywasz?")
    page.says(f"/polacz {code}", "Połączono", "Jaka organizacja chce dołączyć?")
    page.says("Zorza", "Kto jest osobą do kontaktu?")
    phone.says("Anna Kos", "widnieje teraz: Anna Kos")
    phone.says("/rozlacz")
    page.says("Anna Kos", "Pod jaki adres e-mail")


def test_a_question_goes_on_where_it_was_asked(house: House) -> None:
    phone, page = linked(house)
    phone.says("/temat council")
    page.says("kto przewodniczy radzie?", "Rad")


def test_both_speak_the_language_in_which_the_link_was_made(house: House) -> None:
    phone, page = house.person("Anna"), house.person("", channel="web", language="en")
    code = code_of(phone)
    page.says(f"/link {code}", "Linked: Telegram, web chat.")
    phone.says("/profil", "Name: Anna")
    phone.says("/jezyk pl")
    page.says("/profil", "Imię i nazwisko: Anna")


def test_only_in_private(house: House) -> None:
    phone, page = on_two(house)
    code = code_of(phone)
    page.chat = phone.chat = "-100"
    for line in ("/polacz", f"/polacz {code}", "/kanal web", "/rozlacz"):
        page.says(line)
        assert house.answered_at == [page.sender]


def test_privacy_names_what_is_kept(house: House) -> None:
    house.person("Anna").says("/prywatnosc", "Jeśli łączysz kanały", "przez dziesięć minut")
