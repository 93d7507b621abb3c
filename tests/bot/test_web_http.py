"""The web chat over real HTTP: who writes, what arrives and what is refused."""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC

import pytest

from bot.channels.web.identity import Newcomers
from tests.bot.web_browser import Browser, browser, message
from tests.bot.web_house import House, open_house


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


# ---- identity --------------------------------------------------------------------------------------------


async def test_the_page_makes_a_person_whose_cookie_the_bot_never_sees(house: House) -> None:
    async with browser(house) as session:
        answer = await session.get("/")
        cookie = answer.headers["Set-Cookie"]
        assert re.match(r"aglomeracja=[\w-]{43}; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax$", cookie)
        assert (await session.post(message("hej"))).status == 202
        came = await house.came(1)
        assert came.address == came.sender == hashlib.sha256(session.cookie.encode()).hexdigest()
        again = await session.get("/")
        assert again.headers["Set-Cookie"] == cookie


async def test_a_malformed_cookie_is_replaced(house: House) -> None:
    async with browser(house, Cookie='aglomeracja="x y"') as session:
        refused = await session.post(message("hej"))
        assert (refused.status, "cookie" in refused.error) == (403, True)
        assert "aglomeracja=" in (await session.get("/")).headers["Set-Cookie"]
    assert house.incoming == []


async def test_behind_https_the_cookie_is_bound_to_the_host() -> None:
    async with open_house("https://czat.example.pl") as house, browser(house) as session:
        answer = await session.get("/")
        assert answer.headers["Set-Cookie"].startswith("__Host-aglomeracja=")
        assert "; Secure" in answer.headers["Set-Cookie"]
        assert answer.headers["Strict-Transport-Security"]
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        for origin, status in (("https://czat.example.pl", 202), ("https://zly.example.pl", 403)):
            sent = {"Cookie": cookie, "Origin": origin}
            assert (await session.post(message("hej"), **sent)).status == status


def test_a_network_brings_only_so_many_newcomers_at_a_time() -> None:
    now = 0.0
    newcomers = Newcomers(2, 60, lambda: now)
    assert [newcomers.admit(person, "192.0.2.1") for person in "aabc"] == [True, True, True, False]
    assert newcomers.admit("d", "192.0.2.2")
    assert [newcomers.admit(person, f"2001:db8::{person}") for person in "efe0"] == [True, True, True, False]
    now = 61.0
    assert newcomers.admit("c", "192.0.2.1")


def test_newcomers_are_remembered_in_bounded_memory() -> None:
    newcomers = Newcomers(1, 60, lambda: 0.0)
    for number in range(Newcomers.MAX_REMEMBERED + 10):
        newcomers.admit(str(number), str(number))
    assert len(newcomers._known) == len(newcomers._used) == Newcomers.MAX_REMEMBERED


async def test_a_crowd_is_asked_to_wait(house: House) -> None:
    house.channel._newcomers = Newcomers(1, 60)
    for status in (202, 429):
        async with browser(house) as session:
            await session.get("/")
            assert (await session.post(message("hej"))).status == status
    assert len(house.incoming) == 1


# ---- messages --------------------------------------------------------------------------------------------


async def test_a_message_and_a_press_arrive_as_they_were_sent(house: House, visitor: Browser) -> None:
    said = message("Kto jest przewodniczącym? <b>&amp;")
    await visitor.post(said, Accept_Language="de, en;q=0.8, pl;q=0.5")
    came = await house.came(1)
    assert (came.channel, came.text, came.language) == ("web", said["text"], "en")
    assert came.event_id == f"{came.address[:16]}:{said['id']}"
    assert came.received_at.tzinfo is UTC
    press = {"id": str(uuid.uuid4()), "pressed": "/rsvp 42 yes", "ref": "7"}
    assert (await visitor.post(press)).status == 202
    came = await house.came(2)
    assert (came.text, came.pressed, came.message_ref) == ("", "/rsvp 42 yes", "7")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://zly.example.pl"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_no_other_site_can_speak_for_a_person(
    house: House, visitor: Browser, headers: dict[str, str]
) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = await visitor.post(message("hej"), **sent)
    assert answer.status == 403
    assert answer.error
    assert house.incoming == []


async def test_the_own_page_can_speak(house: House, visitor: Browser) -> None:
    own = {"Origin": house.url, "Sec-Fetch-Site": "same-origin"}
    assert (await visitor.post(message("hej"), **own)).status == 202


ID = "0f4c17c7-b99a-4665-919f-58dbee5e34df"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"id": "x", "text": "hej"}',
        '{"id": 7, "text": "hej"}',
        '{"text": "hej"}',
        json.dumps({"id": ID, "text": " \n"}),
        json.dumps({"id": ID, "text": 7}),
        json.dumps({"id": ID, "text": None}),
        json.dumps({"id": ID}),
        json.dumps({"id": ID, "pressed": "x" * 65}),
        json.dumps({"id": ID, "pressed": "x", "ref": "1; drop"}),
        json.dumps({"id": ID, "pressed": "x", "ref": 7}),
        b"\xff\xfe",
    ],
)
async def test_what_is_no_message_is_refused_in_one_sentence(
    house: House, visitor: Browser, body: str | bytes
) -> None:
    answer = await visitor.post(body)
    assert answer.status == 400
    assert answer.error.endswith(".")
    assert house.incoming == []


async def test_a_long_text_is_taken_and_a_huge_one_refused(house: House, visitor: Browser) -> None:
    assert (await visitor.post(message("a" * 100_000))).status == 202
    assert len((await house.came(1)).text) == 100_000
    assert (await visitor.post(message("a" * 300_000))).status == 413
    assert len(house.incoming) == 1


async def test_characters_that_no_store_keeps_do_not_arrive(house: House, visitor: Browser) -> None:
    body = '{"id": "%s", "text": "a\\ud800\\u0000b"}' % uuid.uuid4()  # noqa: UP031 - braces
    await visitor.post(body)
    assert (await house.came(1)).text == "a?b"


async def test_a_failure_says_that_nothing_was_saved(
    house: House, visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    house.broken = True
    answer = await visitor.post(message("hej"), Accept_Language="en")
    assert answer.status == 500
    assert "nothing was saved" in answer.error
    assert "RuntimeError" in caplog.text
    assert "the store is away" not in caplog.text


async def test_after_the_stop_no_message_is_taken(house: House, visitor: Browser) -> None:
    await house.channel.stop()
    assert (await visitor.post(message("hej"))).status == 503


async def test_the_stop_waits_for_the_message_in_hand(house: House, visitor: Browser) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> None:
        entered.set()
        await leave.wait()

    await house.channel.start(slow)
    posting = asyncio.create_task(visitor.post(message("hej")))
    await entered.wait()
    stopping = asyncio.create_task(house.channel.stop())
    refused = await visitor.post(message("hej"))
    assert (refused.status, stopping.done()) == (503, False)
    leave.set()
    await stopping
    assert (await posting).status == 202
