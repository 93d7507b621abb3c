"""The whole program as people see it in a phone's browser, headless Chromium; see tests/conversations too."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.bot.flows import Program, free_port, running, web_settings
from tests.bot.web_house import House
from tests.bot.web_visit import NEEDS_CHROMIUM, Visit, open_chromium, visit

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 15_000
"""Milliseconds a person waits for what must come; far longer than it takes."""


class Guest:
    """A person with a browser: types, presses and sees."""

    def __init__(self, visitor: Visit) -> None:
        self.visitor = visitor
        self.log = visitor.page.locator("#log")

    @property
    def page(self) -> Page:
        """The page of the chat."""
        return self.visitor.page

    async def comes(self) -> None:
        """Open the chat."""
        await self.page.goto(self.visitor.house.url)

    async def leaves(self) -> None:
        """Close the chat."""
        await self.page.goto("about:blank")

    async def sees(self, text: str) -> None:
        """Wait until the newest messages hold a text that can be read without scrolling."""
        await expect(self.log.get_by_text(text).last).to_be_in_viewport(timeout=PATIENCE)

    async def says(self, text: str, expected: str) -> None:
        """Type a message, send it and wait for the answer."""
        await self.visitor.say(text)
        await self.sees(expected)

    async def presses(self, label: str, expected: str) -> None:
        """Press the newest button of this label and wait for what it leads to."""
        await self.log.get_by_role("button", name=label, exact=True).last.click()
        await self.sees(expected)

    async def shoots(self, name: str) -> None:
        """Keep a screenshot."""
        await self.visitor.shoot(f"flow-{name}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    settings = web_settings(tmp_path).model_copy(update={"web_port": free_port()})
    async with running(Program(settings)) as started:
        yield started


@asynccontextmanager
async def guests(program: Program, chromium: Browser, count: int) -> AsyncIterator[list[Guest]]:
    """Let people come, each with a browser of their own."""
    house = House(port=program.running.server.port)  # its address is all a visit needs of it
    async with AsyncExitStack() as stack:
        come = [Guest(await stack.enter_async_context(visit(house, chromium))) for _ in range(count)]
        for guest in come:
            await guest.comes()
            await guest.sees("Dzień dobry! Tu bot Klastra")
        yield come


async def claim(program: Program, ewa: Guest) -> None:
    """Make somebody the coordinator."""
    await ewa.says(f"/claim {await program.claim_code()}", "Witamy w roli koordynatora")


async def plan(ewa: Guest) -> None:
    """Plan a meeting by typing and pressing."""
    await ewa.presses("Zaplanuj spotkanie", "Jaki tytuł ma spotkanie?")
    await ewa.says("Rada Klastra", "Kiedy się zaczyna?")
    await ewa.says("za tydzień o 17", "Gdzie się odbędzie?")
    await ewa.says("Kamienica Kupiecka", "Jaki jest program?")
    await ewa.presses("Pomiń", "Ile osób może przyjść?")
    await ewa.says("30", "Liczba miejsc: 30")
    await ewa.shoots("1-summary")
    await ewa.presses("Zapisz", "Zapisano.")


async def announce(ewa: Guest, text: str) -> None:
    """Write an announcement to everyone and send it."""
    await ewa.page.locator("#menu").click()
    await ewa.sees("Po prostu napisz pytanie")
    await ewa.presses("Napisz ogłoszenie", "Co chcesz ogłosić?")
    await ewa.says(text, "Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    await ewa.presses("Teraz", "Dostaną je 2 osoby.")
    await ewa.shoots("4-preview")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")


async def test_a_newcomer_asks_and_says_to_come(program: Program, chromium: Browser) -> None:
    async with guests(program, chromium, 2) as (ewa, anna):
        await claim(program, ewa)
        await plan(ewa)
        await anna.says("dzien dobry", "Dzień dobry")
        await anna.says("kiedy nastepne spotkanie?", "Następne spotkanie")
        await anna.shoots("2-next-meeting")
        await anna.presses("Będę", "Jak się nazywasz?")
        await anna.sees("Zapisano. Twoja odpowiedź: będę.")
        await anna.says("Anna Nowak", "widnieje teraz: Anna Nowak")
        await anna.shoots("3-coming")
        await ewa.says("/obecnosc", "Anna Nowak: będzie")


async def test_an_announcement_comes_live_and_after_being_away(program: Program, chromium: Browser) -> None:
    async with guests(program, chromium, 2) as (ewa, anna):
        await claim(program, ewa)
        await announce(ewa, "Jutro nie ma wody.")
        await anna.sees("Jutro nie ma wody.")
        await expect(anna.log.get_by_text("Jutro nie ma wody.")).to_have_count(1)
        await anna.shoots("5-live")
        await anna.leaves()
        await announce(ewa, "Woda już jest.")
        await ewa.sees("Ogłoszenie Klastra „Aglomeracja”")
        await anna.comes()
        await anna.sees("Woda już jest.")
        await expect(anna.log.get_by_text("Jutro nie ma wody.")).to_have_count(1)
        await anna.shoots("6-missed")
