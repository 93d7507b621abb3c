"""The conversation in headless Chromium, at the size of phones, with a screenshot of every step."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from markupsafe import Markup
from playwright.async_api import Browser, Route, expect

from handlers.dialogue.message import Outgoing
from tests.bot.web_house import House, open_house
from tests.bot.web_visit import NEEDS_CHROMIUM, PHONE, SMALL, answer, open_chromium, visit

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        opened.answer = answer
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@pytest.mark.parametrize(("size", "dark"), [(PHONE, False), (SMALL, False), (PHONE, True), (SMALL, True)])
async def test_a_first_visit_a_question_and_a_reply(
    house: House,
    chromium: Browser,
    size: tuple[int, int],
    dark: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    tint = "dark-" if dark else ""
    async with visit(house, chromium, size, dark=dark) as visitor:
        await visitor.open()
        page = visitor.page
        assert visitor.messages == ["/start"]
        await visitor.shoot(f"{tint}1-first-visit")
        await page.get_by_role("button", name="Najbliższe spotkania").click()
        await expect(page.get_by_text("jeszcze nie ma")).to_be_visible()
        await page.get_by_role("button", name="Będę", exact=True).click()
        await expect(page.get_by_text("Twoja odpowiedź: będę")).to_be_visible()
        assert house.incoming[-1].message_ref == "2"
        # An answer that replaces the pressed message stands for itself; the press makes no bubble.
        await expect(page.locator(".message")).to_have_count(3)
        await visitor.say("Kto jest koordynatorem klastra?")
        link = page.get_by_role("link", name="https://example.org/klaster")
        await expect(link).to_have_attribute("rel", "noopener noreferrer")
        await expect(link).to_have_attribute("target", "_blank")
        await expect(link).to_be_in_viewport()
        await visitor.shoot(f"{tint}2-question")
        assert visitor.messages[1:] == ["/spotkania", "/rsvp 42 yes", "Kto jest koordynatorem klastra?"]


async def test_a_reload_shows_the_conversation_as_it_was(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page
        await visitor.say("pierwsze pytanie")
        await expect(page.get_by_text("Regionalna Izba")).to_be_visible()
        before = await page.locator("#log").inner_text()
        await page.reload()
        await expect(page.get_by_text("Regionalna Izba")).to_be_in_viewport()
        assert await page.locator("#log").inner_text() == before
        await visitor.shoot("3-reloaded")
        await visitor.say("drugie pytanie")
        await expect(page.get_by_text("Regionalna Izba")).to_have_count(2)
        assert visitor.messages == ["/start", "pierwsze pytanie", "drugie pytanie"]


async def test_what_came_while_away_is_shown_on_coming_back(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        await visitor.page.goto("about:blank")
        await house.push(house.incoming[0].address, Outgoing(Markup("Ogłoszenie: <b>jutro</b> zebranie.")))
        await visitor.page.goto(house.url)
        await expect(visitor.page.get_by_text("Ogłoszenie: jutro zebranie.")).to_be_in_viewport()
        await visitor.shoot("4-missed")
        await house.push(house.incoming[0].address, Outgoing(Markup("Na żywo.")))
        await expect(visitor.page.get_by_text("Na żywo.")).to_be_in_viewport()
        assert visitor.messages == ["/start"]


async def test_while_the_server_is_down_nothing_is_lost(house: House, chromium: Browser) -> None:
    async with visit(house, chromium, SMALL) as visitor:
        await visitor.open()
        page = visitor.page
        await house.close()
        await visitor.say("czy Blachownia jest w klastrze?")
        retry = page.locator(".failure button")
        await expect(retry).to_be_in_viewport()
        await expect(page.locator("#offline")).not_to_be_empty()
        await visitor.shoot("5-down")
        await house.open()
        await expect(page.locator("#offline")).to_be_empty(timeout=20_000)
        await retry.click()
        await expect(page.get_by_text("Regionalna Izba")).to_be_visible()
        await expect(retry).to_have_count(0)
        await visitor.shoot("6-up-again")
        assert visitor.messages == ["/start", "czy Blachownia jest w klastrze?"]


async def test_a_retry_is_the_same_message(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        await visitor.page.route("**/messages", _swallow_answers())
        await visitor.say("raz")
        await visitor.page.locator(".failure button").click()
        await expect(visitor.page.locator(".failure")).to_have_count(0)
        assert visitor.messages == ["/start", "raz"]


def _swallow_answers() -> Callable[[Route], Awaitable[None]]:
    """Return a route that lets the first request through and loses its answer."""
    first = itertools.count()

    async def handle(route: Route) -> None:
        if next(first) == 0:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    return handle


async def test_two_tabs_show_the_same(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        other = await visitor.context.new_page()
        await other.goto(house.url)
        await visitor.say("z pierwszej karty")
        for page in (visitor.page, other):
            await expect(page.locator(".message")).to_have_count(3)
            await expect(page.get_by_text("z pierwszej karty")).to_have_count(1)
            await expect(page.get_by_text("Regionalna Izba")).to_have_count(1)
            await expect(page.locator(".sending")).to_have_count(0)


LATE = """
(key) => {
  const transcript = JSON.parse(localStorage.getItem(key));
  transcript.items.filter((item) => item.me).forEach((item) => { item.state = 'sending'; });
  localStorage.setItem(key, JSON.stringify(transcript));
}
"""
"""What a tab saves which has not heard yet that a message arrived."""

ALL_SENT = """
(key) => JSON.parse(localStorage.getItem(key)).items.every((item) => !item.me || item.state === 'sent')
"""


TRANSCRIPT = "aglomeracja.chat.1"
"""Under this key a browser keeps what was said."""


async def test_a_tab_that_saves_late_does_not_undo_the_other(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        await visitor.say("dzień dobry")
        await expect(visitor.page.locator(".message.me.sent")).to_have_count(1)
        other = await visitor.context.new_page()
        await other.goto(f"{house.url}/privacy")
        await other.evaluate(LATE, TRANSCRIPT)
        await other.wait_for_function(ALL_SENT, arg=TRANSCRIPT, timeout=5_000)
        await expect(visitor.page.locator(".message.me.sent")).to_have_count(1)


async def test_a_store_begun_anew_is_heard(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        await visitor.say("raz")
        await expect(visitor.page.get_by_text("Regionalna Izba")).to_be_visible()
        await house.close()
        house.letters.clear()
        await house.open()
        await house.push(house.incoming[0].address, Outgoing(Markup("Od nowa.")))
        await visitor.page.reload()
        await visitor.say("dwa")
        await expect(visitor.page.get_by_text("Regionalna Izba")).to_have_count(2)


async def test_the_menu_and_a_change_of_language(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page
        await page.locator("#menu").click()
        await expect(page.get_by_text("Oto, co potrafię.")).to_be_visible()
        house.locales[house.incoming[0].address] = "en"
        await page.locator("#language").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.get_by_text("Oto, co potrafię.")).to_be_visible()
        assert visitor.messages == ["/start", "/pomoc", "/jezyk"]
