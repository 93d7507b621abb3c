"""Two channels, one person: linking and unlinking, as conversations."""

import pytest

from tests.handlers.linked import code_of, link, linked, on_two, tell_everybody
from tests.handlers.test_bad_input import announce, confirm
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")


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
    tell_everybody(house, ewa, "Jutro nie ma wody.")
    phone.hears("Jutro nie ma wody.")
    assert page.hears() == ""
    ewa.says("/ogloszenia", "Doręczono: 2.")
    phone.says("/profil", "Ogłoszenia i powiadomienia przychodzą na: Telegram")
    assert len(phone.labels()) <= 6
    phone.presses("Pisz na: czat w przeglądarce", "przychodzą na: czat w przeglądarce")
    tell_everybody(house, ewa, "Woda już jest.")
    page.hears("Woda już jest.")
    assert phone.hears() == ""
    page.says("/profil")
    page.presses("Pisz na: Telegram", "przychodzą na: Telegram")


def test_writing_on_the_web_does_not_silence_the_phone(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), linked(house)
    page.says("/spotkania")
    tell_everybody(house, ewa, "Dzień dobry")
    phone.hears("Dzień dobry")


@pytest.mark.parametrize("off", ["phone", "page"])
def test_who_turned_announcements_off_on_one_channel_gets_them_on_the_other(house: House, off: str) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    silent, loud = (phone, page) if off == "phone" else (page, phone)
    silent.says("/powiadomienia off", "Ogłoszenia: wyłączone")
    link(phone, page)
    tell_everybody(house, ewa, "Jutro nie ma wody.")
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
    tell_everybody(house, ewa, "Jutro nie ma wody.")
    page.hears("Jutro nie ma wody.")
    house.blocked.clear()
    phone.says("/profil", "przychodzą na: Telegram")
    tell_everybody(house, ewa, "Woda już jest.")
    phone.hears("Woda już jest.")
    assert page.hears() == ""


def test_without_another_channel_nobody_is_reached(house: House) -> None:
    ewa, (phone, page), jan = house.coordinator(), linked(house), house.person("Jan")
    jan.says("/start")
    house.blocked |= {phone.sender, page.sender, jan.sender}
    tell_everybody(house, ewa, "Dzień dobry")
    ewa.says("/ogloszenia", "Doręczono: 1, nieosiągalni: 2.")


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
    tell_everybody(house, ewa, "Jutro nie ma wody.")
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
