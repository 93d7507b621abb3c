"""Announcements, as conversations."""

import pytest
from markupsafe import Markup

from tests.handlers.linked import tell_everybody
from tests.handlers.test_meetings import plan
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def test_an_announcement_goes_out_at_once_to_everyone(house: House) -> None:
    ewa, anna, jan = house.coordinator(), house.person("Anna"), house.person("Jan", language="en")
    anna.says("/start")
    jan.says("/start")
    ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    ewa.says("Ważne: zmiana sali", "Kto ma je dostać?", markup=Markup("<b>Ważne</b>: zmiana sali"))
    ewa.presses("Wszyscy", "Kiedy?")
    ewa.presses(
        "Teraz",
        "Odbiorcy: wszyscy",
        "Dostaną je 3 osoby.",
        "Kiedy: od razu",
        "Ogłoszenie Klastra „Aglomeracja”\n\nWażne: zmiana sali\n\n",
        "Ogłoszenia można wyłączyć w profilu: /profil",
    )
    ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    house.tick()
    assert "<b>Ważne</b>: zmiana sali" in anna.heard[0].text
    anna.hears("Ogłoszenie Klastra „Aglomeracja”", "Ważne: zmiana sali")
    jan.hears("Announcement of Klaster „Aglomeracja”", "Ważne: zmiana sali", "turn announcements off")
    anna.says("/ogloszenia", "Ważne: zmiana sali")
    ewa.says("/ogloszenia", "Ważne: zmiana sali", "Wysłane. Doręczono: 3.")


def test_only_members_get_what_is_for_members(house: House) -> None:
    anna, jan = house.member("Anna Nowak", "Wodociągi"), house.person("Jan")
    ewa = house.coordinator()
    jan.says("/start")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Tylko dla nas")
    ewa.presses("Członkowie")
    ewa.presses("Teraz", "Odbiorcy: członkowie", "Dostanie je 1 osoba.")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.hears("Tylko dla nas")
    assert jan.hears() == ""
    jan.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    anna.says("/ogloszenia", "Tylko dla nas")


def test_only_those_who_come_get_what_is_for_a_meeting(house: House) -> None:
    ewa, anna, jan = house.coordinator(), house.person("Anna"), house.person("Jan")
    plan(ewa)
    for guest, answer in ((anna, "Będę"), (jan, "Nie będę")):
        guest.says("/spotkania")
        guest.presses(answer)
    ewa.says("/nowe_ogloszenie")
    ewa.says("Zabierzcie dokumenty")
    ewa.presses("Uczestnicy spotkania", "Osoby z którego spotkania?")
    ewa.presses("wtorek 1 grudnia: Rada Klastra", "Kiedy?")
    ewa.presses("Teraz", "uczestnicy spotkania „Rada Klastra”", "Dostanie je 1 osoba.")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.hears("Zabierzcie dokumenty")
    assert jan.hears() == ""


def test_whoever_opted_out_gets_none(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/profil", "Ogłoszenia: włączone")
    anna.presses("Wyłącz ogłoszenia", "Ogłoszenia: wyłączone")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Dzień dobry")
    ewa.presses("Wszyscy")
    ewa.presses("Teraz", "Dostanie je 1 osoba.")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    assert anna.hears() == ""


def test_a_weekly_announcement_comes_at_its_time_until_it_is_cancelled(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Wywóz odpadów jutro")
    ewa.presses("Wszyscy")
    ewa.says("wtorek 9:00", "Raz czy regularnie")
    ewa.presses("Co tydzień", "wtorek 24 listopada, 9:00, potem co tydzień we wtorek o 9:00")
    ewa.presses("Zaplanuj", "Ogłoszenie wyjdzie: wtorek 24 listopada, 9:00")
    house.tick()
    assert anna.hears() == ""
    house.pass_time(hours=13, minutes=1)
    anna.hears("Wywóz odpadów jutro")
    house.pass_time(hours=1)
    assert anna.hears() == ""
    house.pass_time(days=7)
    anna.hears("Wywóz odpadów jutro")
    ewa.says("/zaplanowane", "1. wtorek 8 grudnia, 9:00")
    ewa.presses("Odwołaj nr 1", "Odwołać to ogłoszenie")
    ewa.presses("Tak, odwołaj", "ogłoszenie nie zostanie wysłane")
    house.pass_time(days=7)
    assert anna.hears() == ""


def test_an_announcement_whose_time_was_slept_through_is_reported(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Rano")
    ewa.presses("Wszyscy")
    ewa.says("jutro 6:00")
    ewa.presses("Raz")
    ewa.presses("Zaplanuj")
    house.pass_time(days=1)
    ewa.hears("nie zostało wysłane", "wtorek 24 listopada, 6:00")
    assert anna.hears() == ""
    ewa.says("/ogloszenia", "Nie wysłano: w tym terminie bot nie działał.")
    anna.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")


def test_a_meeting_is_announced_with_two_presses(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    plan(ewa)
    ewa.presses("Ogłoś to spotkanie", "Rada Klastra", "Dostaną je 2 osoby.")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.hears("Rada Klastra", "wtorek 1 grudnia, 17:00", "Miejsce: Kamienica Kupiecka")
    anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.")


def test_what_is_planned_about_a_meeting_ends_with_it(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    plan(ewa)
    ewa.presses("Ogłoś to spotkanie")
    ewa.presses("Zmień")
    ewa.presses("Kiedy")
    ewa.says("jutro 9:00")
    ewa.presses("Zaplanuj")
    ewa.says("/spotkania")
    ewa.presses("Dla koordynatora")
    ewa.presses("Odwołaj")
    ewa.presses("Tak, odwołaj")
    ewa.says("/zaplanowane", "Nic nie czeka na wysłanie.")
    house.pass_time(days=1)
    assert anna.hears() == ""


def test_what_was_typed_is_text_and_not_markup(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    ewa.says("/nowe_ogloszenie")
    ewa.says("<script>alert(1)</script> & 1 < 2")
    ewa.presses("Wszyscy")
    ewa.presses("Teraz", "<script>alert(1)</script> & 1 < 2")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    assert "&lt;script&gt;" in anna.heard[0].text
    anna.hears("<script>alert(1)</script> & 1 < 2")


def test_older_announcements_can_be_paged_to(house: House) -> None:
    ewa = house.coordinator()
    for text in ("pierwsze", "drugie"):
        ewa.says("/nowe_ogloszenie")
        ewa.says(text)
        ewa.presses("Wszyscy")
        ewa.presses("Teraz")
        ewa.presses("Wyślij ogłoszenie")
        house.tick()
    ewa.says("/ogloszenia", "drugie")
    ewa.presses("Starsze", "pierwsze")
    ewa.presses("Najnowsze", "drugie")


def test_an_answer_that_no_longer_applies_is_forgotten(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    plan(ewa)
    house.pass_time(minutes=1)  # nobody types that fast
    ewa.says("/nowe_ogloszenie")
    ewa.says("Zapraszamy")
    ewa.presses("Wszyscy")
    ewa.says("wtorek 9:00")
    ewa.presses("Co tydzień", "potem co tydzień we wtorek o 9:00")
    ewa.presses("Zmień")
    ewa.presses("Odbiorcy")
    ewa.presses("Uczestnicy spotkania", "Osoby z którego spotkania?")
    ewa.presses("Wstecz", "Kto ma je dostać?")
    ewa.presses("Uczestnicy spotkania")
    assert "co tydzień" not in ewa.presses("wtorek 1 grudnia: Rada Klastra", "Odbiorcy: uczestnicy spotkania")
    ewa.presses("Zmień")
    ewa.presses("Odbiorcy")
    ewa.presses("Wszyscy", "Raz czy regularnie")
    ewa.presses("Raz", "Odbiorcy: wszyscy")
    ewa.presses("Zaplanuj")
    house.pass_time(hours=14)
    anna.hears("Zapraszamy")
    assert anna.labels() == ["Profil", "Menu"]


def test_a_menu_does_not_take_the_place_of_an_announcement(house: House) -> None:
    ewa, anna = house.coordinator(), house.person("Anna")
    anna.says("/start")
    tell_everybody(house, ewa, "Jutro nie ma wody")
    ref = anna.ref_of("Jutro nie ma wody")
    anna.presses("Menu", "Po prostu napisz pytanie", ref=ref)
    assert anna.seen[-1].replaces is None
    anna.presses("Profil", "Twój profil", ref=anna.ref_of("Po prostu napisz pytanie"))
    assert anna.seen[-1].replaces is not None
