"""The page for everyone: keyboard, reading, contrast, hostile texts, in headless Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from markupsafe import Markup
from playwright.async_api import Browser, expect

from handlers.dialogue.message import Option, Outgoing
from tests.bot.web_house import House, open_house
from tests.bot.web_visit import ANSWER, NEEDS_CHROMIUM, SMALL, answer, open_chromium, visit

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


async def test_everything_can_be_done_with_the_keyboard(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page

        async def focused() -> str:
            return str(await page.evaluate("document.activeElement.id || document.activeElement.textContent"))

        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await visitor.shoot("7-skip-link")
        order = []
        for _ in range(7):
            await page.keyboard.press("Tab")
            order.append((await focused()).strip())
        assert order[:3] == ["language", "menu", "scroller"]
        assert order[3:6] == ["Najbliższe spotkania", "Co to jest klaster?", "text"]
        await page.keyboard.type("pierwszy wiersz")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_text("Regionalna Izba")).to_be_visible()
        assert await focused() == "text"
        for _ in range(2):
            await page.keyboard.press("Shift+Tab")
        assert await focused() != "text"
        await page.get_by_role("button", name="Najbliższe spotkania").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("jeszcze nie ma")).to_be_visible()
        await page.get_by_role("button", name="Może").focus()
        await page.keyboard.press("Space")
        await expect(page.get_by_text("Twoja odpowiedź: będę")).to_be_visible()
        # The replaced message has new buttons; the focus stays on the one at the same place.
        assert await focused() == "Może"


async def test_html_is_shown_as_text(house: House, chromium: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    async with visit(house, chromium, SMALL) as visitor:
        await visitor.open()
        address = house.incoming[0].address
        house.answer = lambda incoming: [
            Outgoing(Markup("{}").format(incoming.text), (Option(hostile, "/x"),)),
            Outgoing(Markup(f'{hostile}<a href="javascript:alert(3)">surowe</a>')),
        ]
        await visitor.say(hostile)
        page = visitor.page
        await expect(page.locator(".body", has_text=hostile)).to_have_count(2)
        await expect(page.get_by_role("button", name=hostile)).to_be_visible()
        await expect(page.locator(".body", has_text="surowe")).to_be_visible()
        assert await page.locator("#log :is(img, script, [href^='javascript:'])").count() == 0
        await house.push(address, Outgoing(Markup("słowo") * 200))
        await expect(page.locator(".body", has_text="słowosłowo")).to_be_visible()
        await visitor.shoot("8-hostile")


async def test_a_long_answer_begins_in_view_and_reading_is_not_disturbed(
    house: House, chromium: Browser
) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page
        long = Markup("\n").join(Markup("wiersz {}").format(n) for n in range(100))
        house.answer = lambda _: [Outgoing(long)]
        await visitor.say("opowiedz")
        await expect(page.locator(".body", has_text="opowiedz")).to_be_in_viewport()
        await expect(page.get_by_text("wiersz 1\n")).to_be_in_viewport()
        await page.locator("#scroller").evaluate("(e) => { e.scrollTop = 300; }")
        await house.push(house.incoming[0].address, Outgoing(Markup("Nowość!")))
        newer = page.locator("#newer")
        await expect(newer).to_be_visible()
        assert await page.locator("#scroller").evaluate("(e) => e.scrollTop") == 300
        await visitor.shoot("9-new-message")
        await newer.click()
        await expect(page.get_by_text("Nowość!")).to_be_in_viewport()
        await expect(newer).to_be_hidden()


@pytest.mark.parametrize("dark", [False, True])
async def test_the_page_can_be_used_by_everyone(house: House, chromium: Browser, dark: bool) -> None:  # noqa: FBT001
    async with visit(house, chromium, SMALL, dark=dark) as visitor:
        await visitor.open()
        house.broken = True
        await visitor.say("niewysłane")
        await expect(visitor.page.locator(".failure button")).to_be_visible()
        house.broken = False
        await visitor.say("wysłane")
        await expect(visitor.page.get_by_text("Regionalna Izba")).to_be_visible()
        page = visitor.page
        await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Klaster Aglomeracja")
        await expect(page.locator("html")).to_have_attribute("lang", "pl")
        assert await page.evaluate((Path(__file__).parent / "audit.js").read_text(encoding="utf-8")) == []


async def test_the_typing_sign_shows_until_the_answer(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        house.answer = lambda _: []
        await visitor.say("pytanie")
        await house.came(2)
        await expect(visitor.page.locator("#typing .unseen")).not_to_be_empty()
        await visitor.shoot("10-typing")
        await house.push(house.incoming[0].address, ANSWER)
        await expect(visitor.page.locator("#typing .unseen")).to_be_empty()


async def test_lines_are_broken_and_the_field_grows_to_five_lines(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        field = visitor.page.locator("#text")
        await field.press_sequentially("jeden")
        heights = []
        for _ in range(7):
            await field.press("Enter")
            box = await field.bounding_box()
            assert box is not None
            heights.append(box["height"])
        assert heights[0] < heights[2] < heights[3] == heights[6] <= 140
        assert visitor.messages == ["/start"]
