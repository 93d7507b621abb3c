"""A person with a phone, for the tests: headless Chromium on the page of a small bot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from markupsafe import Markup
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from handlers.dialogue.message import Incoming, Option, Outgoing
from tests.bot.web_house import WELCOME, House

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


NEEDS_CHROMIUM = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="Chromium is missing; install it: apt-get install chromium"
)

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
        await self.page.locator("#composer [type=submit]").click()

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


@asynccontextmanager
async def open_chromium() -> AsyncIterator[Browser]:
    """Run a headless Chromium for as long as the context lasts."""
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
