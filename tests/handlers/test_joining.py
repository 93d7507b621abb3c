"""Joining the cluster, becoming a coordinator, the profile and the first words, as conversations."""

import pytest

from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def apply(somebody: Somebody, organisation: str = "Zorza sp. z o.o.") -> None:
    """Fill in an application up to its summary."""
    somebody.says("/dolacz", "Klaster jest otwarty", "skontaktuj się z biurem Izby")
    somebody.presses("Wypełnij zgłoszenie", "Jaka organizacja chce dołączyć?")
    somebody.says(organisation, "Kto jest osobą do kontaktu?")
    somebody.says("Anna Nowak", "Pod jaki adres e-mail")
    somebody.says("nie mam", "adres e-mail albo numer telefonu", "Pod jaki adres e-mail")
    somebody.says("anna@example.org", "Który obszar")
    somebody.says("woda i ścieki", "Czy Izba może przechowywać te dane")
    somebody.presses("Zgadzam się", f"Organizacja: {organisation}", "Zgoda: wyrażona")


def test_somebody_applies_and_is_accepted(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna Nowak")
    apply(anna)
    anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    anna.says("/dolacz", "czeka na decyzję koordynatora")
    ewa.hears("Zgłoszenie do Klastra: Zorza sp. z o.o.", "Kontakt: anna@example.org", "woda i ścieki")
    ewa.presses("Przyjmij", "Przyjęto.")
    anna.hears("Zgłoszenie przyjęte: Zorza sp. z o.o. jest teraz w Klastrze.")
    anna.says("/profil", "Organizacja: Zorza sp. z o.o.")
    anna.says("czy Zorza jest w klastrze?", "Tak, w Klastrze jest: Zorza sp. z o.o.")
    ewa.presses("Przyjmij", "być może już zapadła")


def test_somebody_applies_and_is_refused_after_asking_back(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna Nowak")
    apply(anna)
    anna.presses("Wyślij zgłoszenie")
    ewa.hears()
    ewa.presses("Odmów", "Odrzucić zgłoszenie: Zorza sp. z o.o.?")
    assert anna.hears() == ""
    ewa.presses("Tak, odmów", "Odmówiono")
    anna.hears("nie zostało przyjęte")
    anna.says("/profil", "Organizacja: brak")


def test_an_application_made_before_there_is_a_coordinator_waits(house: House) -> None:
    anna = house.person("Anna Nowak")
    apply(anna)
    anna.presses("Wyślij zgłoszenie")
    ewa = house.coordinator()
    ewa.presses("Zgłoszenia", "Zorza sp. z o.o.")
    ewa.presses("Przyjmij", "Przyjęto")
    anna.hears("Zgłoszenie przyjęte")


def test_a_known_organisation_is_pointed_out(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna Nowak")
    apply(anna, "Mykanów")
    anna.presses("Wyślij zgłoszenie")
    ewa.hears("Ta organizacja jest już w katalogu")


def test_only_a_coordinator_decides_whatever_is_typed(house: House) -> None:
    anna, jan = house.person("Anna Nowak"), house.person("Jan")
    apply(anna)
    anna.presses("Wyślij zgłoszenie")
    for forged in ("/accept 1", "/przyjmij 1", "/refuse 1 yes", "/zgloszenia", "/cancel_meeting 1 yes"):
        jan.says(forged, "To może zrobić tylko koordynator.")
    anna.says("/dolacz", "czeka na decyzję")


def test_a_code_works_once_and_guessing_is_slowed_down(house: House) -> None:
    jan = house.person("Jan")
    for _ in range(5):
        jan.says("/claim AAAAA-AAAAA", "Ten kod jest nieważny")
    jan.says("/claim AAAAA-AAAAA", "Za dużo prób")
    ewa = house.coordinator()
    assert "Zaplanuj spotkanie" in ewa.labels()
    jan.says("/nowe_spotkanie", "To może zrobić tylko koordynator.")


def test_the_greeting_the_menu_and_the_language(house: House) -> None:
    anna = house.person("Anna", language="en-GB")
    anna.says("/start", "Good day!", "Ask about the Cluster")
    assert anna.labels() == ["Meetings", "Announcements", "How to join", "Profile", "Polski / English"]
    anna.presses("Polski / English", "Po polsku czy po angielsku?")
    anna.presses("Polski", "Od teraz rozmawiamy po polsku.")
    assert dict(anna.seen[-1].menu)["spotkania"] == "Najbliższe spotkania i Twoje odpowiedzi"
    anna.says("/start", "Dzień dobry! Tu bot Klastra „Aglomeracja” w Częstochowie.")


def test_a_stranger_of_another_tongue_is_greeted_in_english(house: House) -> None:
    house.person("Olena", language="uk").says("/start", "Good day!")
    house.person("Nikt", language=None).says("/start", "Dzień dobry!")


def test_the_menu_shows_a_coordinators_commands_only_to_one(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    assert "nowe_spotkanie" not in dict(anna.seen[-1].menu)
    ewa.says("/start")
    assert "nowe_spotkanie" in dict(ewa.seen[-1].menu)


def test_privacy_is_told(house: House) -> None:
    house.person("Anna").says("/prywatnosc", "Co bot o Tobie przechowuje", "30 dni", "biura Izby")


def test_a_question_is_not_taken_for_a_name(house: House) -> None:
    anna = house.person("anna77")
    anna.says("/imie")
    anna.says("kiedy następne spotkanie?", "To wygląda na pytanie.", "Jak się nazywasz?")
    anna.presses("Anuluj")
    anna.says("/profil", "Imię i nazwisko: anna77")


def test_the_name_can_be_changed(house: House) -> None:
    anna = house.person("anna77")
    anna.says("/profil", "Imię i nazwisko: anna77")
    anna.presses("Zmień imię i nazwisko", "Jak się nazywasz?")
    anna.says("Anna\nNowak", "widnieje teraz: Anna Nowak")
