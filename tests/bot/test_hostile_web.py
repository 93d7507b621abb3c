"""The web chat over the wire, against somebody who means ill."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest
from markupsafe import Markup

from bot.channels.web import requests
from bot.server import MAX_HEAD
from handlers.dialogue.message import Outgoing
from tests.bot.web_browser import Browser, browser, events, message, ready
from tests.bot.web_house import House, open_house

COOKIE = f"Cookie: aglomeracja={'a' * 43}"
JSON = "Content-Type: application/json"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[Browser]:
    """Give a browser that has opened the page once."""
    async with browser(house) as session:
        await session.get("/")
        yield session


async def wire(house: House, *lines: str, body: str = "") -> str:
    """Send a request as it is written, and return the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write("\r\n".join([*lines, "", body]).encode())
    try:
        async with asyncio.timeout(10):
            return (await reader.readuntil(b"\r\n\r\n")).decode()
    finally:
        writer.close()


# ---- who speaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "javascript:alert(1)", "\xff"])
async def test_a_malformed_origin_is_a_foreign_one(house: House, visitor: Browser, origin: str) -> None:
    assert (await visitor.post(message("hej"), Origin=origin)).status == 403
    assert (await visitor.get("/events", Origin=origin)).status == 403
    assert house.incoming == []


@pytest.mark.parametrize("host", ["[", "", 'a"><script>', "evil.example:99999999"])
async def test_a_malformed_host_breaks_nothing(house: House, host: str) -> None:
    head = await wire(house, "GET / HTTP/1.1", f"Host: {host}")
    assert head.startswith("HTTP/1.1 200 ")
    assert "script>" not in head
    head = await wire(
        house,
        "POST /messages HTTP/1.1",
        f"Host: {host}",
        "Origin: http://x",
        JSON,
        COOKIE,
        "Content-Length: 0",
    )
    assert head.startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "cookie", ["", "a" * 42, "a" * 44, "a" * 42 + "/", "ą" * 43, "a" * 43 + "; aglomeracja="]
)
async def test_a_cookie_of_another_shape_is_nobody(house: House, cookie: str) -> None:
    lines = ("POST /messages HTTP/1.1", "Host: x", JSON, f"Cookie: aglomeracja={cookie}", "Content-Length: 2")
    assert (await wire(house, *lines, body="{}")).startswith("HTTP/1.1 403 ")
    assert house.incoming == []


async def test_two_people_may_use_the_same_id(house: House) -> None:
    body = message("hej")
    for _ in range(2):
        async with browser(house) as session:
            await session.get("/")
            assert (await session.post(body)).status == 202
    assert len({incoming.event_id for incoming in house.incoming}) == 2


async def test_the_same_id_in_another_spelling_is_the_same(house: House, visitor: Browser) -> None:
    one = uuid.uuid4()
    for spelling in (str(one), str(one).upper(), one.hex, f"{{{one}}}", one.urn):
        assert (await visitor.post({"id": spelling, "text": "hej"})).status == 202
    assert len(house.incoming) == 1


async def test_a_reference_to_somebody_elses_message_touches_only_ones_own_page(house: House) -> None:
    house.answer = lambda incoming: [Outgoing(Markup("x"), (), incoming.message_ref)]
    async with browser(house) as anna, browser(house) as mallory:
        for session in (anna, mallory):
            await session.get("/")
        await anna.post(message("hej"))
        await mallory.post({"id": str(uuid.uuid4()), "pressed": "/help", "ref": "1"})
        async with anna.stream("/events") as hers, mallory.stream("/events") as his:
            await ready(his)
            assert [event["id"] for event in await events(hers, 1)] == ["1"]
            assert await hers.content.readline() == b"\n"
            assert await hers.content.readline() == b"event: ready\n"


# ---- what is sent ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extra",
    [
        '"text": "hej", "n": ' + "9" * 5_000,
        '"text": ' + '{"a":' * 40_000 + "1" + "}" * 40_000,
        '"text": "hej", "n": ' + "[" * 100_000,
        '"pressed": "' + "ż" * 33 + '"',
        '"pressed": "/help", "ref": "' + "9" * 19 + '"',
        '"pressed": "/help", "ref": "٣"',
        '"pressed": ["/help"]',
        '"text": true',
        '"id": "x", "text": "hej"',
    ],
)
async def test_a_bomb_of_json_is_refused(house: House, visitor: Browser, extra: str) -> None:
    answer = await visitor.post(f'{{"id": "{uuid.uuid4()}", {extra}}}')
    assert answer.status == 400
    assert answer.error.endswith(".")
    assert house.incoming == []


async def test_who_sends_a_message_for_ever_is_not_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0)
    lines = ("POST /messages HTTP/1.1", "Host: x", JSON, COOKIE, "Content-Length: 200")
    head = await wire(house, *lines, body="{")
    assert head.startswith("HTTP/1.1 408 ")
    assert "connection: close" in head
    assert house.incoming == []


async def test_a_request_that_reads_two_ways_is_refused(house: House) -> None:
    lines = ("POST /messages HTTP/1.1", "Host: x", "Content-Length: 4", "Transfer-Encoding: chunked")
    assert (await wire(house, *lines, body="0\r\n\r\nGET")).startswith("HTTP/1.1 400 ")


# ---- what is asked for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../page.html",
        "/static/%2e%2e%2fpage.html",
        "/static/..%5cpage.html",
        "/static/%00",
        "/static/chat.js%00.css",
        "/static/identity.py",
        "/%ff%fe",
        "//evil.example/",
        "/telegram",
        "/.env",
    ],
)
async def test_no_path_leads_out_of_the_folder(house: House, path: str) -> None:
    head = await wire(house, f"GET {path} HTTP/1.1", "Host: x")
    assert head.startswith("HTTP/1.1 404 ")
    assert "content-security-policy" in head


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET"])
async def test_no_other_method_speaks(house: House, method: str) -> None:
    head = await wire(house, f"{method} /messages HTTP/1.1", "Host: x", "Content-Length: 0")
    assert head.startswith("HTTP/1.1 405 ")
    assert "access-control-allow" not in head


@pytest.mark.parametrize("asked", ["pl;q=0.," * 5_000, "a-" * 20_000, "pl;q=9, *;q=x, ;;;"])
async def test_a_strange_wish_for_a_language_is_borne(visitor: Browser, asked: str) -> None:
    for path in ("/?lang=../../x", "/privacy?lang=de", "/nothing"):
        assert 'lang="' in (await visitor.get(path, Accept_Language=asked[:8_000])).text


@pytest.mark.parametrize("after", ["-1", "9" * 19, "1e3", "٣", "%00", "1;drop", " 1"])
async def test_a_strange_place_to_go_on_from_is_the_beginning(
    house: House, visitor: Browser, after: str
) -> None:
    house.answer = lambda incoming: [Outgoing(Markup("{}").format(incoming.text))]
    await visitor.post(message("hej"))
    async with visitor.stream(f"/events?after={after}") as stream:
        assert [event["nodes"] for event in await events(stream, 1)] == [["hej"]]


async def test_nothing_of_a_person_is_kept_by_a_cache(visitor: Browser) -> None:
    page = await visitor.get("/")
    assert page.headers["Cache-Control"] == "private, no-cache"
    async with visitor.stream("/events") as stream:
        assert stream.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in (await visitor.get("/static/chat.js")).headers
    assert "Set-Cookie" not in (await visitor.post(message("hej"))).headers


async def test_a_head_without_an_end_is_cut_off(house: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    with contextlib.suppress(ConnectionError):
        for _ in range(4 * MAX_HEAD // 65_536):
            writer.write(b"a" * 65_536)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    writer.close()


async def test_a_large_body_is_no_head(visitor: Browser) -> None:
    assert (await visitor.post(message("a" * 200_000))).status == 202
    assert (await visitor.get("/health")).status == 200


async def test_nobody_is_sent_to_another_host(house: House) -> None:
    head = await wire(house, "GET /privacy/ HTTP/1.1", "Host: evil.example")
    assert head.startswith("HTTP/1.1 404 ")
    assert "evil" not in head
