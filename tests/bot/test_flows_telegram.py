"""The whole program as people on Telegram meet it, by long polling and by webhook."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.flows import Phone, Town, labels, open_town


@pytest.fixture(params=["polling", "webhook"])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    async with open_town(tmp_path, by_webhook=request.param == "webhook") as opened:
        yield opened


@pytest.fixture
async def polling_town(tmp_path: Path) -> AsyncIterator[Town]:
    """Give a town for what does not depend on how updates come."""
    async with open_town(tmp_path, by_webhook=False) as opened:
        yield opened


async def plan(ewa: Phone, title: str = "Rada Klastra") -> None:
    """Plan a meeting by typing and pressing."""
    await ewa.presses("Zaplanuj spotkanie", "Jaki tytuł")
    await ewa.says(title, "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")
    await ewa.says("Kamienica Kupiecka", "Jaki jest program?")
    await ewa.presses("Pomiń", "Ile osób")
    await ewa.says("30", f"Tytuł: {title}", ", 17:00", "Program: brak", "Liczba miejsc: 30")
    await ewa.presses("Zapisz", "Zapisano.", title)


async def announce(ewa: Phone, text: str, when: str = "Teraz", shown: str = "Kiedy: od razu") -> None:
    """Write an announcement to everyone and send it off."""
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says(text, "obraz albo plik")
    await ewa.presses("Pomiń", "Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    if when == "Teraz":
        await ewa.presses("Teraz", shown, text[:40])
    else:
        await ewa.says(when, "Raz czy regularnie")
        await ewa.presses("Raz", shown, text[:40])
    await ewa.presses("Wyślij ogłoszenie" if when == "Teraz" else "Zaplanuj")


async def test_a_question_is_answered(town: Town) -> None:
    anna = town.person("Anna Nowak")
    await anna.says("/start", "Dzień dobry!")
    answer = await anna.says("kto jest kordynatorem klastra", "Regionalna Izba Przemysłowo-Handlowa")
    assert labels(answer)[-1] == "Menu"
    await anna.presses("Menu", "Po prostu napisz pytanie")


async def test_a_meeting_is_planned_and_somebody_comes(town: Town) -> None:
    ewa, anna = await town.coordinator(), town.person("Anna Nowak")
    await plan(ewa)
    await anna.says("kiedy nastepne spotkanie?", "jutro, 17:00")
    card = await anna.says("/spotkania", "Rada Klastra", "Nie ma jeszcze Twojej odpowiedzi.")
    assert labels(card)[:3] == ["Będę", "Może", "Nie będę"]
    messages = len(anna.sent)
    await anna.presses("Będę", "Będzie 1 osoba.", "Zostało 29 wolnych miejsc.")
    assert card.text.startswith("Zapisano. Twoja odpowiedź: będę.")
    assert len(anna.sent) == messages
    await ewa.says("/obecnosc", "Będzie: 1, może: 0, nie będzie: 0.", "Anna Nowak: będzie")


async def test_an_announcement_reaches_everybody_in_their_language(polling_town: Town) -> None:
    ewa, anna, john = (
        await polling_town.coordinator(),
        polling_town.person("Anna Nowak"),
        polling_town.person("John", "en"),
    )
    await anna.says("/start", "Dzień dobry!")
    await john.says("/start", "Good day!")
    await announce(ewa, "Jutro <o 9> kawa & herbata")
    for phone in (ewa, anna):
        await phone.hears("Ogłoszenie Klastra „Aglomeracja”\n\nJutro <o 9> kawa & herbata\n\nOgłoszenia")
    heard = await john.hears(
        "Announcement of Klaster", "Jutro <o 9> kawa & herbata", "turn announcements off"
    )
    assert labels(heard) == ["Profile", "Menu"]


async def test_an_announcement_for_later_comes_at_its_time(polling_town: Town) -> None:
    ewa, anna = await polling_town.coordinator(), polling_town.person("Anna Nowak")
    await anna.says("/start", "Dzień dobry!")
    await announce(ewa, "Wywóz odpadów", "dziś 18:00", ", 18:00")
    polling_town.time.move(hours=5, minutes=58)
    await polling_town.running.clock.pump(polling_town.time())
    await anna.says("/ogloszenia", "Nie ma jeszcze żadnych ogłoszeń.")
    polling_town.time.move(minutes=3)
    polling_town.running.clock.wake()
    await anna.hears("Ogłoszenie Klastra", "Wywóz odpadów")


async def test_an_announcement_waits_for_the_program_to_come_back(town: Town) -> None:
    ewa, anna = await town.coordinator(), town.person("Anna Nowak")
    await anna.says("/start", "Dzień dobry!")
    await announce(ewa, "Po przerwie", "dziś 18:00", ", 18:00")
    await town.stop()
    town.time.move(hours=7)
    anna.person.writes("co to jest klaster")
    await town.start()
    await anna.hears("Ogłoszenie Klastra", "Po przerwie")
    await anna.hears("sieć stałej współpracy")
    assert sum("Po przerwie" in text for text in anna.person.texts) == 1


async def test_somebody_joins(polling_town: Town) -> None:
    ewa, anna = await polling_town.coordinator(), polling_town.person("Anna Nowak")
    await anna.says("/start join", "Klaster jest otwarty")
    await anna.presses("Wypełnij zgłoszenie", "Jaka organizacja")
    await anna.says("Zorza", "osobą do kontaktu")
    await anna.says("Anna Nowak", "adres e-mail")
    await anna.says("anna@example.org", "Który obszar")
    await anna.says("woda", "Czy Izba może przechowywać")
    await anna.presses("Zgadzam się", "Organizacja: Zorza")
    await anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    await ewa.hears("Zgłoszenie do Klastra: Zorza", "Kontakt: anna@example.org")
    await ewa.presses("Przyjmij", "Przyjęto.")
    await anna.hears("Zgłoszenie przyjęte: Zorza")
    await anna.says("/profil", "Organizacja: Zorza")


async def test_whoever_blocks_the_bot_is_unreachable_until_they_write_again(polling_town: Town) -> None:
    ewa, anna = await polling_town.coordinator(), polling_town.person("Anna Nowak")
    await anna.says("/start", "Dzień dobry!")
    anna.person.blocked = True  # Telegram has not told it yet
    await announce(ewa, "Nikt nie słyszy")
    await ewa.hears("Ogłoszenie Klastra", "Nikt nie słyszy")
    await polling_town.fake.until(lambda: "Nikt nie słyszy" in "".join(polling_town.calls_to(anna)))
    await polling_town.restart()
    await ewa.says("/ogloszenia", "Doręczono: 1, nieosiągalni: 1.")
    anna.person.unblocks()
    await anna.says("/start", "Dzień dobry!")
    await announce(ewa, "Znowu razem")
    await anna.hears("Znowu razem")


async def test_in_a_group_only_what_is_addressed_is_answered(town: Town) -> None:
    anna, group = town.person("Anna Nowak"), town.fake.group()
    there = Phone(anna.person, group)
    anna.person.writes("kto jest koordynatorem klastra", into=group)
    await there.says("@aglomeracja_bot kto jest koordynatorem klastra?", "Regionalna Izba")
    assert len(group.sent) == 1
    await there.says("/profil@aglomeracja_bot", "w prywatnej rozmowie")
    new = Phone(anna.person, group.migrates(by=anna.person))
    anna.person.writes("nie do bota", into=new.inside)
    await new.says("@aglomeracja_bot kiedy następne spotkanie?", "Nie ma teraz zaplanowanego spotkania")
    assert len(new.sent) == 1
    assert len(group.sent) == 2


async def test_links_lead_to_joining_and_to_a_meeting(polling_town: Town) -> None:
    ewa, anna = await polling_town.coordinator(), polling_town.person("Anna Nowak")
    await plan(ewa, "Pierwsze")
    await anna.says("/start join", "Klaster jest otwarty")
    await anna.says("/start m1", "Pierwsze", "Nie ma jeszcze Twojej odpowiedzi.")
    await anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.")
    await anna.says("/start m99", "Nie ma takiego spotkania.")


async def test_the_menus_are_in_the_language_and_for_the_role(polling_town: Town) -> None:
    ewa, john = await polling_town.coordinator(), polling_town.person("John", "en")
    shown = {place: [one["command"] for one in menu] for place, menu in polling_town.fake.menus.items()}
    assert "spotkania" in shown["default", ""]
    assert "meetings" in shown["default", "en"]
    await polling_town.fake.until(lambda: bool(ewa.person.menu))
    assert "nowe_spotkanie" in [one["command"] for one in ewa.person.menu]
    await john.says("/start", "Good day!")
    await polling_town.fake.until(lambda: bool(john.person.menu))
    named = [one["command"] for one in john.person.menu]
    assert "meetings" in named
    assert "new_meeting" not in named


async def test_a_long_announcement_is_split_at_a_paragraph(polling_town: Town) -> None:
    ewa, anna = await polling_town.coordinator(), polling_town.person("Anna Nowak")
    await anna.says("/start", "Dzień dobry!")
    paragraphs = [f"{number}. " + "💧" * 800 for number in range(1, 5)]
    await announce(ewa, "\n\n".join(paragraphs))
    end = await anna.hears("4. ", "Ogłoszenia można wyłączyć")
    begin = anna.sent[anna.sent.index(end) - 1]
    assert begin.text.startswith("Ogłoszenie Klastra")
    assert begin.text.endswith(paragraphs[1])
    assert end.text.startswith(paragraphs[2])
    assert labels(begin) == []
    assert labels(end) == ["Profil", "Menu"]
