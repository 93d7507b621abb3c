"""How long an announcement takes to send, and when it will be done, as conversations."""

from datetime import timedelta

import pytest

from handlers.dialogue.context import Site
from handlers.dialogue.dates import say_duration
from handlers.dialogue.texts import texts_for
from tests.talk import CHANNEL, WARSAW, House, Somebody


def slow(house: House, *, per_minute: float) -> None:
    """Let so many messages a minute leave on the people's channel."""
    house.site = Site(WARSAW, {CHANNEL: per_minute / 60})
    house.restart()


def gather(house: House, guests: int, **known: str) -> tuple[Somebody, list[Somebody]]:
    """Return a coordinator who gets no announcements, and so many guests who do."""
    ewa, people = house.coordinator(), [house.person(f"Gość {number}", **known) for number in range(guests)]
    for person in people:
        person.says("/start")
    ewa.says("/profil")
    ewa.presses("Wyłącz ogłoszenia")
    return ewa, people


def write(ewa: Somebody, text: str = "Awaria") -> str:
    """Write an announcement to everyone and return its summary."""
    ewa.says("/nowe_ogloszenie")
    ewa.says(text)
    ewa.presses("Wszyscy")
    return ewa.presses("Teraz")


def begin(ewa: Somebody, text: str = "Awaria") -> None:
    """Let an announcement to everyone be sent; its deliveries are written and wait."""
    write(ewa, text)
    ewa.presses("Wyślij ogłoszenie")
    ewa.house.fall_due()


def test_the_summary_says_how_long_it_takes(house: House) -> None:
    slow(house, per_minute=1)
    ewa, _ = gather(house, 4)
    assert "Dostaną je 4 osoby.\nKiedy: od razu\nWysyłka potrwa około 4 minut.\n" in write(ewa)


@pytest.mark.parametrize("per_minute", [2, 60])
def test_what_takes_a_minute_at_most_is_not_worth_a_word(house: House, per_minute: int) -> None:
    slow(house, per_minute=per_minute)
    ewa, _ = gather(house, 2)
    assert "potrwa" not in write(ewa)
    begin(ewa)
    assert "Koniec" not in ewa.says("/ogloszenia", "w drodze: 2.")


def test_without_a_limit_nothing_is_said(house: House) -> None:
    ewa, _ = gather(house, 5)
    assert "potrwa" not in write(ewa)
    begin(ewa)
    assert "Koniec" not in ewa.says("/ogloszenia", "Wysyłka trwa.")


def test_the_slowest_channel_counts(house: House) -> None:
    slow(house, per_minute=1)
    house.site = Site(WARSAW, {CHANNEL: 1 / 60, "matrix": 1 / 600})
    house.restart()
    ewa, _ = gather(house, 3)
    assert "Wysyłka potrwa około 3 minut." in write(ewa)
    house.person("Ola", channel="matrix").says("/start")
    house.person("Jan", channel="web").says("/start")
    assert "Wysyłka potrwa około 10 minut." in write(ewa)


def test_while_it_is_sent_the_coordinator_sees_when_it_will_be_done(house: House) -> None:
    slow(house, per_minute=1)
    ewa, guests = gather(house, 5)
    begin(ewa)  # at 20:00 in Warsaw
    ewa.presses("Ogłoszenia", "Wysyłka trwa. Doręczono: 0, w drodze: 5. Koniec około 20:05.")
    house.now += timedelta(minutes=2)
    house.deliver_some(2)
    ewa.presses("Odśwież", "Doręczono: 2, w drodze: 3. Koniec około 20:05.")
    assert "Koniec" not in guests[0].says("/ogloszenia", "Awaria")
    house.now += timedelta(minutes=2)
    house.deliver_some(2)
    assert "Koniec" not in ewa.presses("Odśwież", "w drodze: 1.")
    house.deliver()
    assert "Koniec" not in ewa.presses("Odśwież", "Wysłane. Doręczono: 5.")


def test_the_day_is_said_when_it_is_another_one(house: House) -> None:
    slow(house, per_minute=1 / 60)
    ewa, _ = gather(house, 4)
    begin(ewa)
    ewa.presses("Ogłoszenia", "Koniec: wtorek 24 listopada, około 0:00.")


def test_what_is_paused_or_ended_has_no_end_to_come(house: House) -> None:
    slow(house, per_minute=1)
    ewa, _ = gather(house, 5)
    begin(ewa)
    ewa.presses("Ogłoszenia", "Koniec około 20:05.")
    assert "Koniec" not in ewa.presses("Wstrzymaj", "Wysyłka wstrzymana.")
    ewa.presses("Wznów", "Koniec około 20:05.")
    ewa.presses("Zakończ wysyłkę")
    assert "Koniec" not in ewa.presses("Tak, zakończ", "zakończona przed czasem")


def test_others_under_way_on_the_channel_are_waited_for_unless_they_are_paused(house: House) -> None:
    slow(house, per_minute=1)
    ewa, _ = gather(house, 5)
    begin(ewa, "Awaria")
    begin(ewa, "Awaria usunięta")
    ewa.presses("Ogłoszenia", "Awaria usunięta", "Koniec około 20:10.")
    ewa.presses("Starsze", "Koniec około 20:10.")
    ewa.presses("Wstrzymaj")
    ewa.presses("Najnowsze", "Awaria usunięta", "Koniec około 20:05.")


def test_english_has_it_too(house: House) -> None:
    slow(house, per_minute=1)
    house.person("Jan").says("/start")
    eve = house.person("Eve", language="en")
    eve.says(f"/claim {house.coordinator_code()}")
    eve.says("/new_announcement")
    eve.says("Leak")
    eve.presses("Everyone")
    eve.presses("Now", "Sending takes about 2 minutes.")
    eve.presses("Send the announcement")
    house.fall_due()
    eve.says("/announcements", "It will be done at about 20:02.")


@pytest.mark.parametrize(
    ("minutes", "polish", "english"),
    [
        (0.2, "1 minuty", "1 minute"),
        (1, "1 minuty", "1 minute"),
        (2, "2 minut", "2 minutes"),
        (16.7, "17 minut", "17 minutes"),
        (22, "22 minut", "22 minutes"),
        (59.4, "59 minut", "59 minutes"),
        (59.6, "1 godziny", "1 hour"),
        (62, "1 godziny", "1 hour"),
        (64, "1 godziny i 5 minut", "1 hour and 5 minutes"),
        (118, "2 godzin", "2 hours"),
        (151, "2 godzin i 30 minut", "2 hours and 30 minutes"),
        (22 * 60, "22 godzin", "22 hours"),
        (833.3, "13 godzin i 55 minut", "13 hours and 55 minutes"),
    ],
)
def test_durations_in_words(minutes: float, polish: str, english: str) -> None:
    assert say_duration(minutes * 60, texts_for("pl", WARSAW)) == polish
    assert say_duration(minutes * 60, texts_for("en", WARSAW)) == english
