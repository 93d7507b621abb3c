"""Files in the page: attached where the bot asks for one, shown as a picture or as a link."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from markupsafe import Markup
from playwright.async_api import Browser, FilePayload, expect

from handlers.dialogue.message import FileRef, Incoming, Option, Outgoing
from storage.files import MAX_FILE_BYTES
from tests.bot.web_house import WELCOME, House, open_house
from tests.bot.web_visit import NEEDS_CHROMIUM, PHONE, SMALL, open_chromium, visit
from tests.pictures import PDF, png

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

POSTER = FileRef(1, "p" * 32, "Plakat – festyn.png", "image/png", len(png(600, 400)), 600, 400)
AGENDA = FileRef(2, "a" * 32, "Program sesji.pdf", "application/pdf", 48_000)
FILES = {POSTER.token: png(600, 400), AGENDA.token: PDF}
SKIP = (Option("Pomiń", "/skip"), Option("Anuluj", "/cancel"))
QUESTION = Outgoing(
    Markup("Dołączyć obraz albo plik? Wyślij go tutaj, na przykład plakat albo PDF."), SKIP, takes_file=True
)
ANNOUNCED = Outgoing(
    Markup("<b>Ogłoszenie Klastra „Aglomeracja”</b>\n\nZapraszamy na festyn w parku."),
    (Option("Profil", "/profile"), Option("Menu", "/help")),
    file=POSTER,
)
ATTACH = "Dołącz obraz albo plik"


def payload(name: str, data: bytes) -> FilePayload:
    """Return a file as a person chooses it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def answer(incoming: Incoming) -> list[Outgoing]:
    """Answer as a bot does that asks for a file."""
    if incoming.attachment:
        return [Outgoing(Markup("Kto ma je dostać?"), (Option("Wszyscy", "/all"),))]
    known = {
        "/start": WELCOME,
        "plik": QUESTION,
        "plakat": ANNOUNCED,
        "program": replace(ANNOUNCED, file=AGENDA),
    }
    return [known.get(incoming.text, WELCOME)]


@pytest_asyncio.fixture(loop_scope="module")
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        opened.answer = answer
        opened.files = dict(FILES)
        opened.wants_files = True
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@pytest.mark.parametrize("size", [PHONE, SMALL])
async def test_a_file_is_attached_where_one_is_asked_for(
    house: House, chromium: Browser, size: tuple[int, int]
) -> None:
    async with visit(house, chromium, size) as visitor:
        await visitor.open()
        page = visitor.page
        attach = page.get_by_role("button", name=ATTACH)
        await expect(attach).to_have_count(0)
        await visitor.say("plik")
        await expect(attach).to_be_visible()
        await visitor.shoot("files-1-asked")
        async with page.expect_file_chooser() as choosing:
            await attach.press("Enter")
        chooser = await choosing.value
        await chooser.set_files(payload("Plakat żółty.png", FILES[POSTER.token]))
        await expect(page.get_by_text("Kto ma je dostać?")).to_be_visible()
        await expect(page.locator(".me").get_by_text("Plakat żółty.png")).to_be_visible()
        await expect(attach).to_have_count(0)
        file = house.incoming[-1].file
        assert file is not None
        assert (file.name, file.data) == ("Plakat żółty.png", FILES[POSTER.token])
        await visitor.shoot("files-2-attached")


@pytest.mark.parametrize("size", [PHONE, SMALL])
async def test_a_picture_is_shown_and_a_file_can_be_saved(
    house: House, chromium: Browser, size: tuple[int, int]
) -> None:
    async with visit(house, chromium, size) as visitor:
        await visitor.open()
        page = visitor.page
        await visitor.say("plakat")
        picture = page.get_by_role("img", name=POSTER.name)
        await expect(picture).to_be_visible()
        shown = "async image => { await image.decode(); return image.naturalWidth }"
        assert await picture.evaluate(shown) == POSTER.width
        await expect(page.get_by_text("Zapraszamy na festyn w parku.")).to_be_in_viewport()
        await visitor.shoot("files-3-poster")
        await visitor.say("program")
        link = page.get_by_role("link", name="Pobierz: Program sesji.pdf (48 kB)")
        async with page.expect_download() as downloading:
            await link.click()
        download = await downloading.value
        assert download.suggested_filename == AGENDA.name
        await visitor.shoot("files-4-agenda")
        await page.reload()
        await expect(page.get_by_role("img", name=POSTER.name)).to_be_attached()


async def test_what_is_too_big_is_said_before_it_is_sent(house: House, chromium: Browser) -> None:
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page
        await visitor.say("plik")
        await expect(page.get_by_role("button", name=ATTACH)).to_be_visible()
        await page.locator("#file").set_input_files(payload("film.mp4", bytes(MAX_FILE_BYTES + 1)))
        await expect(page.get_by_text("Ten plik jest za duży.")).to_be_visible()
        assert [incoming.attachment for incoming in house.incoming if incoming.attachment] == []
        await page.reload()
        await page.get_by_role("button", name="Spróbuj ponownie").click()
        await expect(page.get_by_text("Wybierz, proszę, plik jeszcze raz.")).to_be_visible()


async def test_a_file_that_is_not_wanted_is_not_read(house: House, chromium: Browser) -> None:
    house.wants_files = False
    async with visit(house, chromium) as visitor:
        await visitor.open()
        page = visitor.page
        await visitor.say("plik")
        await page.locator("#file").set_input_files(payload("a.bin", bytes(MAX_FILE_BYTES)))
        await expect(page.get_by_text("Kto ma je dostać?")).to_be_visible()
        file = house.incoming[-1].file
        assert file is not None
        assert file.data is None
