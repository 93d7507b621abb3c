"""A coordinator's hand on an announcement that is being sent, as conversations."""

import pytest

from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def begin(house: House) -> tuple[Somebody, list[Somebody]]:
    """Return a coordinator and four others, the first two of whom have got an announcement so far."""
    ewa, guests = house.coordinator(), [house.person(name) for name in ("Anna", "Jan", "Ola", "Piotr")]
    for guest in guests:
        guest.says("/start")
    ewa.says("/profil")
    ewa.presses("Wyłącz ogłoszenia")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Awaria wodociągu")
    ewa.presses("Wszyscy")
    ewa.presses("Teraz", "Dostaną je 4 osoby.")
    ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    house.fall_due()
    house.deliver_some(2)
    return ewa, guests


def have_it(guests: list[Somebody]) -> int:
    """Return how many messages of all came."""
    return sum(len(guest.heard) for guest in guests)


def test_a_coordinator_sees_how_far_it_is(house: House) -> None:
    ewa, _ = begin(house)
    ewa.presses("Ogłoszenia", "Awaria wodociągu", "Wysyłka trwa. Doręczono: 2, w drodze: 2.")
    assert ewa.labels()[:3] == ["Wstrzymaj", "Zakończ wysyłkę", "Odśwież"]
    house.deliver()
    ewa.presses("Odśwież", "Wysłane. Doręczono: 4.")
    assert ewa.labels() == ["Zaplanowane", "Napisz ogłoszenie", "Menu"]


def test_a_paused_one_waits_until_it_is_resumed(house: House) -> None:
    ewa, guests = begin(house)
    ewa.presses("Ogłoszenia")
    ewa.presses("Wstrzymaj", "Wysyłka wstrzymana. Doręczono: 2, czeka: 2.")
    house.deliver()
    assert have_it(guests) == 2
    ewa.presses("Odśwież", "Wysyłka wstrzymana. Doręczono: 2, czeka: 2.")
    ewa.presses("Wznów", "Wysyłka trwa. Doręczono: 2, w drodze: 2.")
    house.deliver()
    assert have_it(guests) == 4
    ewa.presses("Odśwież", "Wysłane. Doręczono: 4.")


def test_one_that_was_ended_goes_no_further(house: House) -> None:
    ewa, guests = begin(house)
    ewa.presses("Ogłoszenia")
    ewa.presses("Zakończ wysyłkę", "2 osoby jeszcze nie dostały ogłoszenia i już go nie dostaną.")
    ewa.presses("Nie, wróć", "Wysyłka trwa.")
    assert "Najnowsze" not in ewa.labels()
    ewa.presses("Zakończ wysyłkę")
    ewa.presses("Tak, zakończ", "Wysyłka zakończona przed czasem. Doręczono: 2, nie wysłano: 2.")
    house.deliver()
    assert have_it(guests) == 2
    assert ewa.labels() == ["Zaplanowane", "Napisz ogłoszenie", "Menu"]


def test_a_paused_one_can_be_ended(house: House) -> None:
    ewa, guests = begin(house)
    ewa.presses("Ogłoszenia")
    ewa.presses("Wstrzymaj")
    ewa.presses("Zakończ wysyłkę")
    ewa.presses("Tak, zakończ", "zakończona przed czasem")
    house.deliver()
    assert have_it(guests) == 2


def test_what_was_not_confirmed_is_sent_again_with_one_press(house: House) -> None:
    ewa, guests = begin(house)
    house.unconfirmed = {guests[2].sender, guests[3].sender}
    house.deliver()
    ewa.presses("Ogłoszenia", "Wysłane. Doręczono: 2, bez potwierdzenia: 2.")
    house.unconfirmed = set()
    ewa.presses("Wyślij ponownie (2)", "Wysyłka trwa. Doręczono: 2, w drodze: 2.")
    house.deliver()
    assert [len(guest.heard) for guest in guests] == [1, 1, 2, 2]
    ewa.presses("Odśwież", "Wysłane. Doręczono: 4.")


def test_pressing_twice_does_it_once(house: House) -> None:
    ewa, guests = begin(house)
    ewa.presses("Ogłoszenia")
    ewa.presses("Wstrzymaj")
    ewa.presses("Wstrzymaj", "Wysyłka wstrzymana.")
    ewa.presses("Wznów")
    ewa.presses("Wznów", "Wysyłka trwa.")
    house.unconfirmed = {guests[2].sender}
    house.deliver()
    house.unconfirmed = set()
    ewa.presses("Odśwież")
    ewa.presses("Wyślij ponownie (1)")
    ewa.presses("Wyślij ponownie (1)", "w drodze: 1.")
    house.deliver()
    assert [len(guest.heard) for guest in guests] == [1, 1, 2, 1]


def test_too_late_a_press_changes_nothing(house: House) -> None:
    ewa, guests = begin(house)
    ewa.presses("Ogłoszenia")
    house.deliver()
    ewa.presses("Wstrzymaj", "Wysłane. Doręczono: 4.")
    ewa.presses("Zakończ wysyłkę", "Wysłane. Doręczono: 4.")
    ewa.says("/zakoncz_wysylke 1 yes", "Wysłane. Doręczono: 4.")
    ewa.says("/wznow_wysylke 1", "Wysłane. Doręczono: 4.")
    ewa.says("/wyslij_ponownie 1", "Wysłane. Doręczono: 4.")
    house.deliver()
    assert have_it(guests) == 4


def test_an_older_one_is_shown_again_after_a_press(house: House) -> None:
    ewa, guests = begin(house)
    ewa.says("/nowe_ogloszenie")
    ewa.says("Awaria usunięta")
    ewa.presses("Wszyscy")
    ewa.presses("Teraz")
    ewa.presses("Wyślij ogłoszenie")
    house.fall_due()
    ewa.presses("Ogłoszenia", "Awaria usunięta")
    ewa.presses("Starsze", "Awaria wodociągu")
    ewa.presses("Wstrzymaj", "Awaria wodociągu", "Wysyłka wstrzymana.")
    house.deliver()
    assert have_it(guests) == 2 + 4
    assert "Awaria wodociągu" in ewa.presses("Odśwież")


@pytest.mark.parametrize(
    "command", ["/wstrzymaj_wysylke", "/wznow_wysylke", "/zakoncz_wysylke", "/wyslij_ponownie"]
)
def test_only_a_coordinator_may(house: House, command: str) -> None:
    ewa, guests = begin(house)
    assert "Wysyłka" not in guests[0].says(f"{command} 1", "koordynator")
    guests[0].says(f"{command} 1 yes")
    ewa.presses("Ogłoszenia", "Wysyłka trwa. Doręczono: 2, w drodze: 2.")
    for nonsense in ("", "0", "99", "x", "-1", "9" * 30):
        ewa.says(f"{command} {nonsense}", "Nie ma takiego ogłoszenia.")
