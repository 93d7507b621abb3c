"""What the web server shows besides the conversation: pages, files, headers, health."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from bot.server import Server, build_app
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


@pytest.mark.parametrize("path", ["/", "/health", "/privacy", "/static/chat.js", "/none", "/messages"])
async def test_every_answer_carries_the_security_headers(house: House, path: str) -> None:
    async with browser(house) as session:
        answer = await session.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("", "pl"),
        ("pl-PL,pl;q=0.9,en-US;q=0.8", "pl"),
        ("en-GB", "en"),
        ("en;q=0.2, pl;q=0.3", "pl"),
        ("de-DE, fr", "en"),
        ("de, en;q=0, pl;q=0.1", "pl"),
        ("*", "pl"),
        (";;q=x,,", "pl"),
    ],
)
async def test_the_page_speaks_the_browsers_language(house: House, asked: str, spoken: str) -> None:
    async with browser(house) as session:
        page = (await session.get("/", Accept_Language=asked)).text
    assert f'<html lang="{spoken}">' in page


async def test_the_chosen_language_wins(house: House, visitor: Browser) -> None:
    polish = {"Accept-Language": "pl"}
    await visitor.post(message("hej"))
    house.locales[(await house.came(1)).address] = "en"
    answer = await visitor.post(message("hej"), **polish)
    assert json.loads(answer.text) == {"language": "en"}
    assert '<html lang="en">' in (await visitor.get("/", **polish)).text


async def test_the_privacy_notice_is_read_in_both_languages(house: House) -> None:
    async with browser(house) as session:
        assert "Zapisujemy <b>tylko</b>" in (await session.get("/privacy")).text
        assert "We keep <b>only</b>" in (await session.get("/privacy?lang=en")).text
        assert "Zapisujemy" in (await session.get("/privacy?lang=<script>")).text


async def test_what_is_not_there_is_said_kindly(house: House) -> None:
    async with browser(house) as session:
        for path in ("/<script>alert(1)</script>", "/static/..%2fchannel.py", "/static/channel.py"):
            answer = await session.get(path, Accept_Language="en")
            assert answer.status == 404
            text = answer.text
            assert "There is nothing at this address." in text
            assert "alert" not in text


async def test_files_are_kept_by_the_browser_for_as_long_as_they_do_not_change(house: House) -> None:
    async with browser(house) as session:
        page = (await session.get("/")).text
        files = re.findall(r'"(/static/[^"]+)"', page)
        assert {file.partition("?")[0] for file in files} == {
            "/static/chat.css",
            "/static/chat.js",
            "/static/icon.svg",
            "/static/manifest.webmanifest",
        }
        for file in files:
            assert "immutable" in (await session.get(file)).headers["Cache-Control"]
        assert (await session.get("/static/chat.js?v=old")).headers["Cache-Control"] == "no-cache"


async def test_health_tells_whether_the_store_answers(house: House) -> None:
    async with browser(house) as session:
        assert (await session.get("/health")).status == 200
        house.broken = True
        assert (await session.get("/health")).status == 503


async def test_a_taken_port_is_named(house: House) -> None:
    async def healthy() -> bool:
        return True

    second = Server(build_app([], healthy), "127.0.0.1", house.port)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{house.port}: the port is in use"):
        await second.start()
    await second.stop(1)
