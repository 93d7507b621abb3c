"""A picture and a file between all channels: announced on one of them, received on every other."""

from base64 import b64encode
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conversations.chat import Chat
from tests.conversations.matrix import MatrixTown, open_matrix_town
from tests.conversations.page import Page, Web
from tests.conversations.person import Person
from tests.conversations.phone import Phone, Telegram
from tests.conversations.town import CHANNELS, Town, open_town
from tests.homeserver.event import Json
from tests.homeserver.member import MESSAGE, Mode
from tests.homeserver.synapse import Homeserver
from tests.pictures import PDF, png

POSTER = png(90, 60) + bytes(1_500_000)
PARK = "Festyn w parku"
AGAIN = "Plik do mnie nie dotarł. Wyślij go, proszę, jeszcze raz."
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def place(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[MatrixTown]:
    """Run the program on all channels."""
    async with open_matrix_town(homeserver, tmp_path, CHANNELS) as opened:
        yield opened


async def phone(town: Town, name: str) -> Phone:
    """Return somebody on Telegram who has been greeted."""
    return await town.greets(await town.at(Telegram).person(town.program, name))


async def page(town: Town, name: str) -> Page:
    """Return somebody in the web chat who has been greeted."""
    return await town.greets(await town.at(Web).person(town.program, name))


async def begin(ewa: Person, text: str) -> None:
    """Write an announcement, up to the question about a file."""
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says(text, "Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    await ewa.presses("Teraz", text)
    await ewa.presses("Dodaj obraz lub plik", "obraz albo plik")


async def load(somebody: Page, url: str) -> tuple[int, bytes, dict[str, str]]:
    """Return what an address of the page gives: the status, the bytes and the headers."""
    async with somebody.session.get(url) as response:
        return response.status, await response.read(), dict(response.headers)


async def test_a_poster_from_matrix_reaches_telegram_the_web_and_every_kind_of_room(
    place: MatrixTown,
) -> None:
    town = place.town
    ewa, anna = await place.coordinator(), await place.comes("Anna Nowak")
    olga = await place.comes("Olga", Mode.PLAIN)
    jan, ola, zosia = await phone(town, "Jan"), await phone(town, "Ola"), await page(town, "Zosia")
    await begin(ewa, PARK)
    await ewa.attaches("../plakat.png", POSTER, "Załącznik: plakat.png")
    preview = await ewa.hears("Załącznik: plakat.png", PARK)
    assert (ewa.event(preview).msgtype, await ewa.downloads(preview)) == ("m.image", POSTER)
    first = ewa.event(preview).content["file"]["url"]
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")

    shown = await anna.hears(PARK)
    seen = anna.event(shown)
    assert (seen.encrypted, seen.msgtype, seen.content["filename"]) == (True, "m.image", "plakat.png")
    assert (seen.content["info"]["w"], seen.content["info"]["h"]) == (90, 60)
    assert "file" in seen.content
    assert await anna.downloads(shown) == POSTER
    openly = await olga.hears(PARK)
    plain = olga.event(openly)
    assert (plain.encrypted, "file" in plain.content) == (False, False)
    assert await olga.downloads(openly) == POSTER
    # What is encrypted once is uploaded once: the preview and the announcement are the same file.
    assert first == seen.content["file"]["url"] != plain.content["url"]

    for one in (jan, ola):
        photo = one.message(await one.hears(PARK)).media
        assert photo is not None
        assert (photo.kind, photo.data) == ("photo", POSTER)
    assert town.at(Telegram).fake.media.uploads == 1
    letter = zosia.letter(await zosia.hears(PARK))["file"]
    assert (letter["name"], letter["picture"], letter["width"]) == ("plakat.png", True, 90)
    status, data, headers = await load(zosia, letter["url"])
    assert (status, data, headers["Content-Type"]) == (200, POSTER, "image/png")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''plakat.png"
    stranger = await page(town, "Kto inny")
    assert (await load(stranger, letter["url"]))[0] == 404
    assert (await load(zosia, letter["url"][:-1] + "_"))[0] == 404

    for somebody in (anna, jan, zosia):
        announced = await somebody.hears(PARK)
        menu = await somebody.presses("Menu", "Po prostu napisz")
        assert (menu.ref == announced.ref, await somebody.downloads(announced)) == (False, POSTER)


async def test_a_photo_from_telegram_reaches_matrix(place: MatrixTown) -> None:
    town = place.town
    ewa, anna = await phone(town, "Ewa Kos"), await place.comes("Anna Nowak")
    await town.appoints(ewa)
    await begin(ewa, "Zbiórka książek")
    ewa.user.sends_photo(POSTER)
    preview = await ewa.hears("Załącznik: plik.png", "Zbiórka książek")
    media = ewa.message(preview).media
    assert media is not None
    assert (await ewa.presses("Zmień", "Co zmienić?")).ref == preview.ref
    summary = await ewa.presses("Wróć do podsumowania", "Załącznik: plik.png")
    assert (summary.ref, "Wyślij ogłoszenie" in summary.labels) == (preview.ref, True)
    sent = await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    assert sent.ref == preview.ref
    assert await anna.downloads(await anna.hears("Zbiórka książek")) == POSTER
    assert ewa.message(await ewa.hears("Ogłoszenie Klastra")).media == media


async def test_a_web_coordinator_sends_an_agenda(place: MatrixTown) -> None:
    town = place.town
    jan, ewa = await phone(town, "Jan"), await page(town, "Ewa Kos")
    await ewa.attaches("zdjecie.png", POSTER, "Umiem czytać tylko tekst")
    await town.appoints(ewa)
    await begin(ewa, "Program sesji")
    assert ewa.letter(ewa.screen()[-1])["takes_file"]
    await ewa.attaches("Program – sesja.pdf", PDF, "Załącznik: Program – sesja.pdf")
    preview = await ewa.hears("Załącznik: Program – sesja.pdf")
    status, data, headers = await load(ewa, ewa.letter(preview)["file"]["url"])
    assert (status, data, headers["Content-Type"]) == (200, PDF, "application/octet-stream")
    assert headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Program%20%E2%80%93")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    agenda = jan.message(await jan.hears("Program sesji")).media
    assert agenda is not None
    assert (agenda.kind, agenda.name, agenda.data) == ("document", "Program – sesja.pdf", PDF)


async def test_what_is_broken_on_the_way_is_asked_for_again(place: MatrixTown) -> None:
    ewa = await place.coordinator()
    await begin(ewa, "Festyn")
    good = {"msgtype": "m.image", "body": "x.png"}
    data = b64encode(POSTER).decode()
    sent = await ewa.client._ask("upload", room=ewa.room, name="x.png", mimetype="image/png", data=data)
    another = {**sent["file"], "hashes": {"sha256": "A" * 43}}
    broken: tuple[Json, ...] = (
        {**good, "url": "mxc://nowhere.invalid/none"},
        {**good, "url": "https://example.org/x.png"},
        {**good, "file": {"url": "mxc://nowhere.invalid/none", "v": "v2", "key": {}, "hashes": {}, "iv": ""}},
        {**good, "file": another},
        {**good},
    )
    for content in broken:
        await is_asked_again(ewa, content)
    await ewa.client.sends_event(MESSAGE, {**good, "url": "mxc://x/y", "info": {"size": 9_000_000}})
    await ewa.hears("Ten plik jest za duży.")


async def is_asked_again(ewa: Chat, content: Json) -> None:
    """Send what cannot be read, and wait until it is asked for again."""
    before = ewa.count(AGAIN)
    await ewa.client.sends_event(MESSAGE, content)
    await ewa.until(lambda: ewa.count(AGAIN) > before)


async def test_the_web_takes_files_only_from_its_own_page(tmp_path: Path) -> None:
    async with open_town(tmp_path, ["web"]) as town:
        anna = await page(town, "Anna Nowak")
        named = {"id": str(uuid4()), "name": "a.png"}
        assert await post(anna, named, OCTETS | {"Origin": "https://evil.example"}) == 403
        assert await post(anna, named, {"Content-Type": "text/plain"}) == 403
        assert await post(anna, {}, OCTETS) == 400
        await anna.attaches("big.bin", b"x" * 6_000_000, "Umiem czytać tylko tekst")
        await anna.says("co to jest klaster", "sieć stałej współpracy")


async def post(somebody: Page, named: dict[str, str], headers: dict[str, str]) -> int:
    """Post a file in a way that the page does not, and return the status."""
    async with somebody.session.post(
        "/files", params=named, data=BytesIO(POSTER), headers=headers
    ) as response:
        return response.status
