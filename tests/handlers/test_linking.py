"""Two channels, one person: linking and unlinking, as conversations."""

import pytest

from tests.handlers.linked import code_of, link, linked, on_two
from tests.handlers.test_bad_input import OUT_OF_DATE, announce, confirm
from tests.handlers.test_joining import apply
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

ONLY_COORDINATOR = "To może zrobić tylko koordynator."


def test_a_code_of_one_channel_sent_from_the_other_makes_one_person(house: House) -> None:
    phone, page = on_two(house)
    phone.says("/profil")
    phone.presses("Połącz kanały", "w ciągu dziesięciu minut", "Nie podawaj kodu nikomu")
    code = code_of(phone)
    page.says(
        f"/polacz {code}",
        "Połączono: Telegram, czat w przeglądarce. Gdziekolwiek piszesz, wiem, że to Ty.",
        "Ogłoszenia i powiadomienia przyjdą raz, na: Telegram.",
    )
    phone.hears("Połączono: Telegram, czat w przeglądarce. Kod wysłano z kanału: czat w przeglądarce.")
    page.says("/profil", "Imię i nazwisko: Anna Nowak", "Połączone kanały: Telegram, czat w przeglądarce")
    page.says("/imie Anna Kos", "widnieje teraz: Anna Kos")
    phone.says("/profil", "Imię i nazwisko: Anna Kos")


def test_linking_works_the_other_way_round_and_in_english(house: House) -> None:
    john, page = house.person("John", language="en"), house.person("", channel="web", language="en")
    code = code_of(page)
    john.says(
        f"/link {code.lower()}", "Linked: Telegram, web chat. Wherever you write", "once, to: Telegram."
    )
    page.hears("Linked: Telegram, web chat. The code was sent from: Telegram. If that was not you")
    page.presses("Unlink", "Unlinked: Telegram, web chat. Each is a person of its own again.")
    john.hears("Unlinked: Telegram, web chat.", "stays where it was sent from")


def test_one_press_undoes_it_and_says_so_in_the_first_line(house: House) -> None:
    phone, page = linked(house)
    phone.says("/profil")
    said = phone.presses("Rozłącz", "zostaje tam, skąd je wysłano")
    assert said.splitlines()[0] == (
        "Rozłączono: Telegram, czat w przeglądarce. To znów osobne rozmowy i osobne profile."
    )
    page.hears("Rozłączono: Telegram, czat w przeglądarce.")
    page.says("/profil", "Imię i nazwisko: nie podano")
    phone.says("/profil", "Imię i nazwisko: Anna Nowak")
    page.says("/rozlacz", "Żadne kanały nie są połączone.")
    link(page, phone)


# ---- where pushes go ---------------------------------------------------------------------------------------


def test_an_announcement_comes_once_and_where_the_person_wants_it(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    house.tick()
    phone.hears("Jutro nie ma wody.")
    assert page.hears() == ""
    ewa.says("/ogloszenia", "Doręczono: 2.")
    phone.says("/profil", "Ogłoszenia i powiadomienia przychodzą na: Telegram")
    assert len(phone.labels()) <= 6
    phone.presses("Pisz na: czat w przeglądarce", "przychodzą na: czat w przeglądarce")
    announce(ewa, "Woda już jest.")
    confirm(ewa)
    house.tick()
    page.hears("Woda już jest.")
    assert phone.hears() == ""
    page.says("/profil")
    page.presses("Pisz na: Telegram", "przychodzą na: Telegram")


def test_writing_on_the_web_does_not_silence_the_phone(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    page.says("/spotkania")
    announce(ewa)
    confirm(ewa)
    house.tick()
    phone.hears("Dzień dobry")


@pytest.mark.parametrize("off", ["phone", "page"])
def test_who_turned_announcements_off_on_one_channel_gets_them_on_the_other(house: House, off: str) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    silent, loud = (phone, page) if off == "phone" else (page, phone)
    silent.says("/powiadomienia off", "Ogłoszenia: wyłączone")
    link(phone, page)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    house.tick()
    loud.hears("Jutro nie ma wody.")
    assert silent.hears() == ""
    loud.says("/rozlacz")
    silent.says("/profil", "Ogłoszenia: wyłączone")
    loud.says("/profil", "Ogłoszenia: włączone")


def test_who_turned_announcements_off_on_both_gets_none_and_hears_so(house: House) -> None:
    phone, page = on_two(house)
    for one in (phone, page):
        one.says("/powiadomienia off")
    link(phone, page, "Ogłoszenia są wyłączone; powiadomienia przyjdą na: Telegram.")


def test_who_turns_announcements_off_while_linked_gets_none_afterwards_either(house: House) -> None:
    phone, page = linked(house)
    page.says("/powiadomienia off")
    page.says("/rozlacz")
    for one in (phone, page):
        one.says("/profil", "Ogłoszenia: wyłączone")


def test_an_announcement_on_its_way_to_both_comes_once_when_they_are_linked(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    house.fall_due()
    page.says(f"/polacz {code_of(phone)}", "Połączono")
    assert (phone.hears() + page.hears()).count("Jutro nie ma wody.") == 1


# ---- a channel that is gone --------------------------------------------------------------------------------


def test_what_a_closed_channel_does_not_take_comes_on_the_other_once(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    plan(ewa)
    phone.says("/rsvp 1 yes")
    house.blocked.add(phone.sender)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    ewa.says("/cancel_meeting 1 yes", "Powiadomiono 1 osobę.")
    house.tick()
    heard = page.hears("Odwołane: „Rada Klastra”")
    assert heard.count("Jutro nie ma wody.") == heard.count("Odwołane") == 1
    ewa.says("/ogloszenia", "Doręczono: 2")
    page.says("/profil", "przychodzą na: czat w przeglądarce")
    assert phone.heard == []


def test_a_channel_that_is_back_is_used_again(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    house.blocked.add(phone.sender)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    house.tick()
    page.hears("Jutro nie ma wody.")
    house.blocked.clear()
    phone.says("/profil", "przychodzą na: Telegram")
    announce(ewa, "Woda już jest.")
    confirm(ewa)
    house.tick()
    phone.hears("Woda już jest.")
    assert page.hears() == ""


def test_without_another_channel_nobody_is_reached(house: House) -> None:
    ewa, (phone, page), jan = house.coordinator(), linked(house), house.person("Jan")
    jan.says("/start")
    house.blocked |= {phone.sender, page.sender, jan.sender}
    announce(ewa)
    confirm(ewa)
    house.tick()
    ewa.says("/ogloszenia", "Doręczono: 1, nieosiągalni: 2.")


# ---- roles, membership, applications -----------------------------------------------------------------------


def test_roles_and_membership_are_common_and_fall_back_to_what_they_were(house: House) -> None:
    member, ewa = house.member("Anna Nowak", "Wodociągi"), house.person("", channel="web")
    code = house.coordinator().says  # somebody else stays a coordinator all the time
    assert code("/zgloszenia", "Żadne zgłoszenie nie czeka.")
    ewa.says("/nowe_spotkanie", ONLY_COORDINATOR)
    link(member, ewa)
    ewa.says("/profil", "Organizacja: Wodociągi")
    ewa.says("/nowe_spotkanie", ONLY_COORDINATOR)
    ewa.says("/rozlacz")
    ewa.says("/profil", "Organizacja: brak")
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
    for line in ("/polacz", f"/polacz {code}", "/rozlacz", "/kanal web"):
        page.says(line, "napisz do mnie w prywatnej rozmowie")


def test_privacy_names_what_is_kept(house: House) -> None:
    house.person("Anna").says("/prywatnosc", "Jeśli łączysz kanały", "przez dziesięć minut")


# ---- three channels ----------------------------------------------------------------------------------------


def test_three_channels_are_one_person_and_then_three_again(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    room = house.person("", channel="matrix")
    plan(ewa)
    room.says("/rsvp 1 maybe")
    room.says("/anuluj")
    link(room, page, "Połączono: Telegram, Matrix, czat w przeglądarce.")
    phone.hears("Połączono: Telegram, Matrix, czat w przeglądarce.")
    phone.says("/spotkania", "Twoja odpowiedź: może.")
    phone.says("/profil")
    assert phone.labels() == [
        *("Wyłącz ogłoszenia", "Zmień imię i nazwisko"),
        *("Pisz na: Matrix", "Pisz na: czat w przeglądarce", "Rozłącz", "Menu"),
    ]
    phone.presses("Pisz na: Matrix", "przychodzą na: Matrix")
    house.blocked.add(room.sender)
    announce(ewa, "Jutro nie ma wody.")
    confirm(ewa)
    house.tick()
    assert (phone.hears() + page.hears()).count("Jutro nie ma wody.") == 1
    room.says("/rozlacz", "Rozłączono: Telegram, Matrix, czat w przeglądarce.")
    room.says("/spotkania", "Twoja odpowiedź: może.")
    for one in (phone, page):
        one.hears("Rozłączono")
        one.says("/spotkania", "Nie ma jeszcze Twojej odpowiedzi.")
        one.says("/rozlacz", "Żadne kanały nie są połączone.")


def test_two_linked_people_can_be_linked_further_if_no_channel_comes_twice(house: House) -> None:
    (phone, page), (other_phone, other_page) = linked(house), linked(house, "Jan")
    phone.says(f"/polacz {code_of(other_page)}", "tu byłyby dwa takie same: Telegram.")
    other_page.says("/rozlacz")
    room = house.person("", channel="matrix")
    link(room, phone)
    page.says("/profil", "Połączone kanały: Telegram, Matrix, czat w przeglądarce")
    other_phone.says("/profil", "Imię i nazwisko: Jan")
