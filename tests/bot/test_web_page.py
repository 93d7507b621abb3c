"""The page in headless Chromium, at the size of phones, with a screenshot of every step."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from markupsafe import Markup
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from handlers.dialogue.message import Incoming, Option, Outgoing
from tests.bot.web_house import WELCOME, House, open_house

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOTE_VIOLATIONS = """
addEventListener('securitypolicyviolation', (e) => noteProblem(`${e.violatedDirective} ${e.blockedURI}`));
"""
SCREENSHOTS = Path(__file__).parent.parent / ".screenshots"
PHONE, SMALL = (390, 844), (320, 568)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is missing: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]

CARD = Outgoing(
    Markup(
        "<b>Spotkanie robocze: odpady i ścieki</b>\nwtorek 1 grudnia, 17:00\n"
        "Kamienica Kupiecka, Aleja Najświętszej Maryi Panny 24\n\nTwoja odpowiedź: <b>{}</b>"
    ),
    tuple(
        Option(label, f"/rsvp 42 {word}")
        for label, word in zip(("Będę", "Może", "Nie będę"), ("yes", "maybe", "no"), strict=True)
    ),
)
ANSWER = Outgoing(
    Markup(
        "Koordynatorem klastra jest <b>Regionalna Izba Przemysłowo-Handlowa w Częstochowie</b>.\n"
        "<blockquote>Źródło: porozumienie o współpracy</blockquote>\nWięcej: https://example.org/klaster."
    )
)


def answer(incoming: Incoming) -> list[Outgoing]:
    """Answer as a very small bot does."""
    said = incoming.pressed or incoming.text
    card = replace(CARD, text=CARD.text.format("jeszcze nie ma"))
    if said.startswith("/rsvp"):
        return [replace(card, text=CARD.text.format("będę"), replaces=incoming.message_ref)]
    known = {"/start": WELCOME, "/spotkania": card, "/pomoc": Outgoing(Markup("Oto, co potrafię."))}
    return [known.get(said, ANSWER)]


@dataclass
class Visit:
    """One person's browser and page; `problems` gathers errors and violations of the policy."""

    house: House
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Remember that something went wrong in the page."""
        self.problems.append(problem)

    async def open(self) -> None:
        """Open the chat."""
        await self.page.goto(self.house.url)
        await expect(self.page.get_by_text("botem klastra")).to_be_visible()

    async def say(self, text: str) -> None:
        """Type a message and press the send button."""
        await self.page.locator("#text").fill(text)
        await self.page.locator("#composer button").click()

    async def shoot(self, name: str) -> None:
        """Keep a screenshot, and see that nothing has to be scrolled sideways."""
        size = self.page.viewport_size
        assert size is not None
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}-{size['width']}.png")
        wide = "[document.documentElement, document.getElementById('scroller')].map((e) => e.scrollWidth)"
        assert max(await self.page.evaluate(wide)) <= size["width"]

    @property
    def messages(self) -> list[str]:
        """What this person has said, commands of the page included."""
        return [incoming.pressed or incoming.text for incoming in self.house.incoming]


@pytest_asyncio.fixture(loop_scope="module")
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        opened.answer = answer
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visit(
    house: House, chromium: Browser, size: tuple[int, int] = PHONE, *, dark: bool = False
) -> AsyncIterator[Visit]:
    """Let a person come with a phone; afterwards nothing may have gone wrong in the page."""
    context = await chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale="pl-PL",
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        has_touch=True,
        device_scale_factor=2,
    )
    page = await context.new_page()
    visitor = Visit(house, context, page)
    await context.expose_function("noteProblem", visitor.note)
    await context.add_init_script(NOTE_VIOLATIONS)
    page.on("pageerror", lambda error: visitor.note(str(error)))
    page.on("console", lambda said: visitor.note(said.text) if said.type == "error" else None)
    yield visitor
    await context.close()
    # A refused connection is the network's message, not the page's.
    assert [problem for problem in visitor.problems if "Failed to load resource" not in problem] == []


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
            Outgoing(Markup(f'{hostile}<a href="javascript:alert(3)">surowe</a>')),  # noqa: S704 - hostile
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
