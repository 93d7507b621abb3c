"""Meetings, as conversations."""

import pytest

from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def plan(
    coordinator: Somebody, title: str = "Rada Klastra", when: str = "1.12 17:00", places: str = ""
) -> None:
    """Plan a meeting as a coordinator does."""
    coordinator.says("/nowe_spotkanie", "Jaki tytuł ma spotkanie?")
    coordinator.says(title, "Kiedy się zaczyna?")
    coordinator.says(when, "Gdzie się odbędzie?")
    coordinator.says("Kamienica Kupiecka", "Jaki jest program?")
    coordinator.says("Budżet i odpady", "Ile osób może przyjść?")
    coordinator.says(places) if places else coordinator.presses("Pomiń")
    coordinator.presses("Zapisz", "Zapisano.")


def test_nothing_is_planned(house: House) -> None:
    anna = house.person("Anna Nowak")
    anna.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")
    anna.presses("Menu", "Po prostu napisz pytanie")


def test_a_meeting_is_planned_and_somebody_comes(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna Nowak")
    plan(ewa, places="30")
    anna.says(
        "/spotkania",
        "Rada Klastra",
        "wtorek 1 grudnia, 17:00",
        "Miejsce: Kamienica Kupiecka",
        "Program: Budżet i odpady",
        "Będzie 0 osób.",
        "Zostało 30 wolnych miejsc.",
        "Nie ma jeszcze Twojej odpowiedzi.",
    )
    anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Będzie 1 osoba.", "Zostało 29 wolnych miejsc.")
    anna.presses("Nie będę", "Zapisano. Twoja odpowiedź: nie będę.", "Zostało 30 wolnych miejsc.")
    anna.says("Może", "Zapisano. Twoja odpowiedź: może.")
    anna.says("/spotkania", "Twoja odpowiedź: może.")


def test_the_form_goes_back_skips_changes_and_cancels(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/nowe_spotkanie")
    ewa.says("Rada")
    ewa.presses("Wstecz", "Jaki tytuł ma spotkanie?")
    ewa.says("Rada Klastra", "Kiedy się zaczyna?")
    ewa.says("32 grudnia", "Nie", "Kiedy się zaczyna?")
    ewa.says("wczoraj 17:00", "Kiedy się zaczyna?")
    ewa.says("wtorek 17:00", "Gdzie się odbędzie?")
    ewa.says("Ratusz", "Jaki jest program?")
    ewa.presses("Pomiń", "Ile osób może przyjść?")
    ewa.says("dużo", "liczbę od 1", "Ile osób może przyjść?")
    ewa.says("12", "Tytuł: Rada Klastra", "Miejsce: Ratusz", "Program: brak", "Liczba miejsc: 12")
    ewa.presses("Zmień", "Co zmienić?")
    ewa.presses("Miejsce", "Gdzie się odbędzie?")
    ewa.says("Magistrat", "Miejsce: Magistrat", "Liczba miejsc: 12")
    ewa.presses("Anuluj", "Nic nie zostało zapisane")
    ewa.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")


def test_who_replied_hears_of_changes_and_of_the_end(house: House) -> None:
    ewa, anna, jan = house.coordinator(), house.person("Anna Nowak"), house.person("Jan Kos", language="en")
    plan(ewa)
    anna.says("/spotkania")
    anna.presses("Będę")
    jan.says("/meetings")
    jan.presses("I won’t come", "Saved: you are not coming.")
    ewa.says("/spotkania")
    ewa.presses("Dla koordynatora")
    ewa.presses("Zmień", "Tytuł: Rada Klastra")
    ewa.presses("Zmień")
    ewa.presses("Kiedy")
    ewa.says("2.12 18:00", "środa 2 grudnia, 18:00")
    ewa.presses("Zapisz", "Powiadomiono 2 osoby.")
    anna.hears("Zmiana spotkania. Twoja odpowiedź: będę.", "środa 2 grudnia, 18:00")
    jan.hears("has changed", "Wednesday 2 December, 18:00")
    jan.presses("I’ll come", "Saved: you are coming.")
    ewa.says("/spotkania")
    ewa.presses("Dla koordynatora")
    ewa.presses("Odwołaj", "Odwołać spotkanie „Rada Klastra”?")
    ewa.presses("Tak, odwołaj", "Odwołano. Powiadomiono 2 osoby.")
    anna.hears("Odwołane: „Rada Klastra”, środa 2 grudnia, 18:00.")
    jan.presses("Maybe", "That meeting was cancelled.")


def test_the_attendance_list_is_by_organisation(house: House) -> None:
    anna = house.member("Anna Nowak", "Wodociągi")
    ewa, jan = house.coordinator(), house.person("Jan Kos")
    plan(ewa)
    for guest in (anna, jan):
        guest.says("/spotkania")
        guest.presses("Będę")
    ewa.says(
        "/obecnosc",
        "Będzie: 2, może: 0, nie będzie: 0.",
        "Wodociągi, będzie: 1\nAnna Nowak: będzie",
        "Bez organizacji, będzie: 1\nJan Kos: będzie",
    )
    anna.says("/obecnosc", "To może zrobić tylko koordynator.")


def test_a_full_meeting_takes_nobody_else_but_keeps_who_is_in(house: House) -> None:
    ewa, anna, jan = house.coordinator(), house.person("Anna"), house.person("Jan")
    plan(ewa, places="1")
    anna.says("/spotkania")
    anna.presses("Będę", "Zostało 0 wolnych miejsc.")
    anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Będzie 1 osoba.")
    jan.says("/spotkania")
    jan.presses("Będę", "Nie ma już wolnych miejsc.")
    jan.presses("Może", "Zapisano. Twoja odpowiedź: może.")


def test_a_meeting_that_has_begun_takes_no_replies(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa)
    anna.says("/spotkania")
    house.pass_time(days=8)
    anna.presses("Będę", "To spotkanie już się zaczęło.")


def test_somebody_without_a_name_is_asked_for_it_once(house: House) -> None:
    ewa, guest = house.coordinator(), house.person()
    plan(ewa)
    guest.says("/spotkania")
    guest.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Jak się nazywasz?")
    guest.says("Olga Lis", "widnieje teraz: Olga Lis")
    guest.presses("Może", "Zapisano. Twoja odpowiedź: może.")
    ewa.says("/obecnosc", "Olga Lis: może")


def test_several_meetings_are_paged(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    plan(ewa, title="Pierwsze", when="1.12 17:00")
    plan(ewa, title="Drugie", when="8.12 17:00")
    anna.says("/spotkania", "Pierwsze")
    anna.presses("Później: wtorek 8 grudnia", "Drugie")
    anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.", "Drugie")
    anna.presses("Wcześniej: wtorek 1 grudnia", "Pierwsze", "Nie ma jeszcze Twojej odpowiedzi.")
