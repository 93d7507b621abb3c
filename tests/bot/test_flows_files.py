"""A picture and a file between all channels: announced on one of them, received on every other."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from tests.bot.flows import Program, web_settings
from tests.bot.telegram_town import Phone, labels
from tests.bot.web_browser import Answer, Browser, events, message
from tests.fake_telegram import FakeTelegram, Sent
from tests.fake_telegram.harness import fake_telegram
from tests.homeserver.event import Event
from tests.homeserver.member import MESSAGE, Member, Mode, member
from tests.homeserver.synapse import Account, Homeserver
from tests.pictures import PDF, png

POSTER = png(90, 60) + bytes(1_500_000)


@dataclass
class Page:
    """Somebody in the web chat, without a browser's window."""

    session: aiohttp.ClientSession
    browser: Browser
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def says(self, text: str, *expected: str) -> dict[str, Any]:
        """Write, and return the letter which holds what is expected."""
        assert (await self.browser.post(message(text))).status == 202
        return await self.hears(*expected)

    async def attaches(self, name: str, data: bytes, *expected: str) -> dict[str, Any]:
        """Attach a file as the page does, and return the letter which holds what is expected."""
        assert (await self.post_file(name, data)).status == 202
        return await self.hears(*expected)

    async def post_file(self, name: str, data: bytes, **headers: str) -> Answer:
        """Post a file."""
        query = {"id": message("x")["id"], "name": name}
        sent = {"Content-Type": "application/octet-stream"} | headers
        async with self.session.post("/files", params=query, data=BytesIO(data), headers=sent) as response:
            return Answer(response.status, response.headers, await response.text())

    async def hears(self, *expected: str) -> dict[str, Any]:
        """Wait for a new letter that holds all that is expected, and return it."""
        async with self.session.get(f"/events?after={self.seen[-1]['id'] if self.seen else 0}") as stream:
            while True:
                [letter] = await events(stream, 1)
                self.seen.append(letter)
                if all(part in str(letter["nodes"]) for part in expected):
                    return letter

    async def presses(self, label: str, *expected: str) -> dict[str, Any]:
        """Press an option of the newest letter which has it."""
        for letter in reversed(self.seen):
            for option in letter["options"]:
                if option["label"] == label:
                    pressed = {"id": message("x")["id"], "pressed": option["value"], "ref": letter["id"]}
                    assert (await self.browser.post(pressed)).status == 202
                    return await self.hears(*expected)
        raise AssertionError(f"no option {label!r}")

    async def loads(self, url: str) -> tuple[int, bytes, dict[str, str]]:
        """Load a file."""
        async with self.session.get(url) as response:
            return response.status, await response.read(), dict(response.headers)


@dataclass
class Town:
    """The program on all three channels, and people there."""

    server: Homeserver
    bot: Account
    program: Program
    fake: FakeTelegram
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def member(self, name: str, first: str, *expected: str, mode: Mode = Mode.SIGNED_ONLY) -> Member:
        """Return somebody on Matrix who has written to the bot and heard the answer."""
        somebody = await self.stack.enter_async_context(member(self.server, name, mode))
        await somebody.opens(self.bot.user_id, first)
        await somebody.hears(*expected)
        return somebody

    def phone(self, name: str) -> Phone:
        """Return somebody on Telegram."""
        return Phone(self.fake.person(len(self.fake.chats) + 1_000, name))

    async def page(self) -> Page:
        """Return somebody in the web chat who has been there."""
        url = f"http://127.0.0.1:{self.program.running.server.port}"
        jar, timeout = aiohttp.CookieJar(unsafe=True), aiohttp.ClientTimeout(total=20)
        session = aiohttp.ClientSession(url, cookie_jar=jar, timeout=timeout)
        await self.stack.enter_async_context(session)
        page = Page(session, Browser(session))
        await page.browser.get("/")
        await page.says("/start", "Dzień dobry")
        return page


@pytest.fixture
async def town(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Town]:
    """Run the program on a homeserver and beside a fake Telegram."""
    bot = homeserver.register("bot", with_device=False)
    homeserver.lift_limits(bot.user_id)
    async with fake_telegram() as fake:
        settings = web_settings(tmp_path).model_copy(
            update={
                "telegram_token": SecretStr(fake.token),
                "telegram_api_url": fake.url,
                "matrix_homeserver": homeserver.url,
                "matrix_user": bot.user_id,
                "matrix_password": SecretStr(bot.password),
                "matrix_folder": tmp_path / "matrix",
                "matrix_per_second": 100.0,
            }
        )
        town = Town(homeserver, bot, Program(settings), fake)
        await town.program.start()
        async with town.stack:
            yield town
        await town.program.stop()


async def picture_in(somebody: Member, text: str) -> Event:
    """Return the newest message with a file and a text that somebody sees."""
    return await somebody.sees(
        lambda event: event.type == MESSAGE and "info" in event.content and text in event.text
    )


def with_file(phone: Phone) -> list[Sent]:
    """Return the messages with a file that a phone shows."""
    return [sent for sent in phone.sent if sent.media is not None]


async def test_a_poster_from_matrix_reaches_telegram_the_web_and_every_kind_of_room(town: Town) -> None:
    code = await town.program.claim_code()
    ewa = await town.member("ewa", f"!claim {code}", "Witamy w roli koordynatora")
    anna = await town.member("anna", "!start", "Dzień dobry")
    olga = await town.member("olga", "!start", "Dzień dobry", mode=Mode.PLAIN)
    jan, ola, zosia = town.phone("Jan"), town.phone("Ola"), await town.page()
    for phone in (jan, ola):
        await phone.says("/start", "Dzień dobry")
    await ewa.says("!nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says("Festyn w parku", "obraz albo plik")
    await ewa.sends_file("../plakat.png", POSTER, "image/png")
    await ewa.hears("Kto ma je dostać?")
    await ewa.says("wszyscy", "Kiedy?")
    await ewa.says("teraz", "Załącznik: plakat.png", "Festyn w parku")
    preview = await picture_in(ewa, "Festyn w parku")
    assert (preview.msgtype, await ewa.downloads(preview)) == ("m.image", POSTER)
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")

    seen = await picture_in(anna, "Festyn w parku")
    assert (seen.encrypted, seen.msgtype, seen.content["filename"]) == (True, "m.image", "plakat.png")
    assert (seen.content["info"]["w"], seen.content["info"]["h"]) == (90, 60)
    assert "file" in seen.content
    assert await anna.downloads(seen) == POSTER
    plain = await picture_in(olga, "Festyn w parku")
    assert (plain.encrypted, "file" in plain.content) == (False, False)
    assert await olga.downloads(plain) == POSTER
    # What is encrypted once is uploaded once: the preview and the announcement are the same file.
    assert preview.content["file"]["url"] == seen.content["file"]["url"] != plain.content["url"]

    for phone in (jan, ola):
        shown = await phone.hears("Festyn w parku")
        assert shown.media is not None
        assert (shown.media.kind, shown.media.data) == ("photo", POSTER)
    assert town.fake.media.uploads == 1
    letter = await zosia.hears("Festyn w parku")
    assert (letter["file"]["name"], letter["file"]["picture"], letter["file"]["width"]) == (
        "plakat.png",
        True,
        90,
    )
    status, data, headers = await zosia.loads(letter["file"]["url"])
    assert (status, data, headers["Content-Type"]) == (200, POSTER, "image/png")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''plakat.png"
    stranger = await town.page()
    assert (await stranger.loads(letter["file"]["url"]))[0] == 404
    assert (await zosia.loads(letter["file"]["url"][:-1] + "_"))[0] == 404

    await anna.reacts("2️⃣", seen.event_id)
    edit = await anna.sees(lambda event: event.edit_of == seen.event_id)
    assert (edit.msgtype, "Po prostu napisz" in edit.text) == ("m.image", True)
    assert await anna.downloads(edit) == POSTER
    pressed = with_file(jan)[0]
    jan.person.presses(pressed, "Menu")
    await town.fake.until(lambda: pressed.edits == 1)
    assert (pressed.media is not None, "Po prostu napisz" in pressed.text) == (True, True)


async def test_a_photo_from_telegram_reaches_matrix(town: Town) -> None:
    ewa, anna = town.phone("Ewa"), await town.member("anna", "!start", "Dzień dobry")
    await ewa.says(f"/claim {await town.program.claim_code()}", "Witamy w roli koordynatora")
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says("Zbiórka książek", "obraz albo plik")
    ewa.person.sends_photo(POSTER)
    await ewa.hears("Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    ewa.person.presses(await ewa.button("Teraz"), "Teraz")
    preview = await ewa.hears("Załącznik: plik.png", "Zbiórka książek")
    assert preview.media is not None
    await ewa.presses("Zmień", "Co zmienić?")
    ewa.person.presses(await ewa.button("Wróć do podsumowania"), "Wróć do podsumowania")
    await town.fake.until(lambda: "Wyślij ogłoszenie" in labels(preview))
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    seen = await picture_in(anna, "Zbiórka książek")
    assert await anna.downloads(seen) == POSTER
    announced = await ewa.hears("Ogłoszenie Klastra")
    assert announced.media == preview.media


async def test_a_web_coordinator_sends_an_agenda(town: Town) -> None:
    jan, ewa = town.phone("Jan"), await town.page()
    await jan.says("/start", "Dzień dobry")
    await ewa.attaches("zdjecie.png", POSTER, "Umiem czytać tylko tekst")
    await ewa.says(f"/claim {await town.program.claim_code()}", "Witamy w roli koordynatora")
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    asked = await ewa.says("Program sesji", "obraz albo plik")
    assert asked["takes_file"]
    await ewa.attaches("Program – sesja.pdf", PDF, "Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    letter = await ewa.presses("Teraz", "Załącznik: Program – sesja.pdf")
    status, data, headers = await ewa.loads(letter["file"]["url"])
    assert (status, data, headers["Content-Type"]) == (200, PDF, "application/octet-stream")
    assert headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Program%20%E2%80%93")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    shown = await jan.hears("Program sesji")
    assert shown.media is not None
    assert (shown.media.kind, shown.media.name, shown.media.data) == ("document", "Program – sesja.pdf", PDF)


async def test_what_is_broken_on_the_way_is_asked_for_again(town: Town) -> None:
    code = await town.program.claim_code()
    ewa = await town.member("ewa", f"!claim {code}", "Witamy w roli koordynatora")
    await ewa.says("!nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says("Festyn", "obraz albo plik")
    good = {"msgtype": "m.image", "body": "x.png"}
    data = b64encode(POSTER).decode()
    sent = await ewa._ask("upload", room=ewa.room, name="x.png", mimetype="image/png", data=data)
    another = {**sent["file"], "hashes": {"sha256": "A" * 43}}
    broken = (
        {**good, "url": "mxc://nowhere.invalid/none"},
        {**good, "url": "https://example.org/x.png"},
        {**good, "file": {"url": "mxc://nowhere.invalid/none", "v": "v2", "key": {}, "hashes": {}, "iv": ""}},
        {**good, "file": another},
        {**good},
    )
    for content in broken:
        await ewa.sends_event(MESSAGE, content)
        await ewa.hears("Plik do mnie nie dotarł. Wyślij go, proszę, jeszcze raz.")
    await ewa.sends_event(MESSAGE, {**good, "url": "mxc://x/y", "info": {"size": 9_000_000}})
    await ewa.hears("Ten plik jest za duży.")


async def test_the_web_takes_files_only_from_its_own_page(town: Town) -> None:
    page = await town.page()
    foreign = await page.post_file("a.png", POSTER, Origin="https://evil.example")
    assert foreign.status == 403
    as_form = await page.post_file("a.png", POSTER, **{"Content-Type": "text/plain"})
    assert as_form.status == 403
    async with page.session.post(
        "/files", data=b"x", headers={"Content-Type": "application/octet-stream"}
    ) as no_id:
        assert no_id.status == 400
    await page.attaches("big.bin", b"x" * 6_000_000, "Umiem czytać tylko tekst")
    await page.says("co to jest klaster", "sieć stałej współpracy")
