"""What many conversations have in common: planning, announcing, joining, linking."""

import re

from tests.conversations.person import Person
from tests.conversations.town import Town

TITLE = "Rada Klastra"


async def plan(ewa: Person, title: str = TITLE) -> None:
    """Plan a meeting with thirty places for tomorrow."""
    await ewa.says("/nowe_spotkanie", "Jaki tytuł ma spotkanie?")
    await ewa.says(title, "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")
    await ewa.says("Kamienica Kupiecka", "Jaki jest program?")
    await ewa.presses("Pomiń", "Ile osób może przyjść?")
    await ewa.says("30", f"Tytuł: {title}", ", 17:00", "Program: brak", "Liczba miejsc: 30")
    await ewa.presses("Zapisz", "Zapisano.", title)


async def announce(ewa: Person, text: str, to: str = "Wszyscy", when: str = "Teraz") -> None:
    """Write an announcement and send it off; `when` is "Teraz" or a time."""
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says(text, "Kto ma je dostać?")
    await ewa.presses(to, "Kiedy?")
    if when == "Teraz":
        await ewa.presses("Teraz", "Kiedy: od razu", text[:40])
        await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    else:
        await ewa.says(when, "Raz czy regularnie")
        await ewa.presses("Raz", "Tak to będzie wyglądać", text[:40])
        await ewa.presses("Zaplanuj", "Zapisano. Ogłoszenie wyjdzie")


async def fill_in(anna: Person, organisation: str) -> None:
    """Fill in an application up to its summary."""
    await anna.says("/dolacz", "Klaster jest otwarty")
    await anna.presses("Wypełnij zgłoszenie", "Jaka organizacja")
    await anna.says(organisation, "Kto jest osobą do kontaktu?")
    await anna.says(anna.name, "Pod jaki adres e-mail")
    await anna.says("anna@example.org", "Który obszar")
    await anna.says("woda", "Czy Izba może przechowywać")
    await anna.presses("Zgadzam się", f"Organizacja: {organisation}", "Zgoda: wyrażona")


async def join(town: Town, ewa: Person, name: str, organisation: str) -> Person:
    """Return somebody whose application the coordinator has accepted."""
    anna = await town.comes(name)
    await fill_in(anna, organisation)
    await anna.presses("Wyślij zgłoszenie", "zgłoszenie zapisane")
    await ewa.hears(f"Zgłoszenie do Klastra: {organisation}")
    await ewa.presses("Przyjmij", "Przyjęto.")
    await anna.hears(f"Zgłoszenie przyjęte: {organisation}")
    return anna


async def link(here: Person, there: Person) -> None:
    """Let somebody take a code here and send it there."""
    shown = await here.says("/polacz", "Wyślij to z drugiego kanału")
    code = re.search(r"/polacz (\S+)", shown.text)
    assert code is not None
    await there.says(code[0], "Połączono", "wiem, że to Ty")
    await here.hears("Połączono", "Kod wysłano z kanału")
