"""The web chat over real HTTP: identity, refusals, messages, events and headers."""

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from markupsafe import Markup

from bot.channels.web import Letter
from bot.channels.web.identity import Newcomers
from bot.server import Server, build_app
from handlers.dialogue.message import Option, Outgoing
from tests.bot.web_house import House, open_house


@dataclass
class Answer:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def error(self) -> str:
        """The sentence for the person."""
        return str(json.loads(self.text)["error"])


class Browser:
    """Keeps cookies and asks the chat as a browser does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.stream = session.get

    @property
    def cookie(self) -> str:
        """The value of the person's cookie."""
        return next(cookie.value for cookie in self._session.cookie_jar)

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page; a header's name has _ for -."""
        async with self._session.get(path, headers=_named(headers)) as response:
            return Answer(response.status, response.headers, await response.text())

    async def post(self, body: str | bytes | dict[str, Any], **headers: str) -> Answer:
        """Say or press something."""
        data = json.dumps(body) if isinstance(body, dict) else body
        sent = {"Content-Type": "application/json"} | _named(headers)
        async with self._session.post("/messages", data=data, headers=sent) as response:
            return Answer(response.status, response.headers, await response.text())


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def browser(house: House, **headers: str) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(house.url, cookie_jar=jar, headers=headers, timeout=timeout) as session:
        yield Browser(session)


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


def message(text: str) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "text": text}


async def events(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """Return the next letters of a stream."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = await response.content.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: {"):
            found.append(json.loads(line.removeprefix(b"data: ")))
    return found


async def ready(response: aiohttp.ClientResponse) -> None:
    """Return once everything missed has been sent."""
    while (await response.content.readline()) != b"event: ready\n":
        pass


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
        json.dumps(message("") | {"text": " \n"}),
        json.dumps(message("") | {"text": 7}),
        json.dumps(message("") | {"text": None}),
        json.dumps({"id": str(uuid.uuid4())}),
        json.dumps({"id": str(uuid.uuid4()), "pressed": "x" * 65}),
        json.dumps({"id": str(uuid.uuid4()), "pressed": "x", "ref": "1; drop"}),
        json.dumps({"id": str(uuid.uuid4()), "pressed": "x", "ref": 7}),
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
    assert "the store is away" in caplog.text


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


# ---- events ----------------------------------------------------------------------------------------------


async def test_events_begin_with_what_was_missed_and_go_on_live(house: House, visitor: Browser) -> None:
    await visitor.post(message("hej"))
    address = (await house.came(1)).address
    for text in ("jeden", "dwa", "trzy"):
        await house.push(address, Outgoing(Markup.escape(text)))
    await house.push("somebody else", Outgoing(Markup("cudze")))
    async with visitor.stream("/events", headers={"Last-Event-ID": "1"}) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert [event["nodes"] for event in await events(stream, 2)] == [["dwa"], ["trzy"]]
        await ready(stream)
        options = (Option("Będę", "/rsvp 42 yes"),)
        await house.push(address, Outgoing(Markup("<b>nowe</b>"), options, replaces="2"))
        [event] = await events(stream, 1)
    at = event.pop("at")
    assert datetime.fromisoformat(at).tzinfo is not None
    assert event == {
        "id": "5",
        "replaces": "2",
        "nodes": [{"t": "b", "c": ["nowe"]}],
        "options": [{"label": "Będę", "value": "/rsvp 42 yes"}],
    }


async def test_every_tab_hears_everything_once(house: House, visitor: Browser) -> None:
    await visitor.post(message("hej"))
    address = (await house.came(1)).address
    async with visitor.stream("/events?after=0") as one, visitor.stream("/events?after=0") as two:
        await ready(one)
        await ready(two)
        await asyncio.gather(*(house.push(address, Outgoing(Markup.escape(n))) for n in range(300)))
        for stream in (one, two):
            assert [event["id"] for event in await events(stream, 300)] == [str(n) for n in range(1, 301)]


async def test_a_letter_that_is_committed_late_is_not_passed_over(house: House, visitor: Browser) -> None:
    await visitor.post(message("hej"))
    address = (await house.came(1)).address
    async with visitor.stream("/events") as stream:
        await ready(stream)
        house.letters.append(("nobody", Letter(1, datetime.now(UTC), Outgoing(Markup("")))))
        await house.push(address, Outgoing(Markup("drugie")))
        assert [event["id"] for event in await events(stream, 1)] == ["2"]
        house.letters[0] = (address, Letter(1, datetime.now(UTC), Outgoing(Markup("pierwsze"))))
        house.channel._streams.wake(address, 1)
        house.channel._streams.wake(address, 2)
        await house.push(address, Outgoing(Markup("trzecie")))
        assert [event["id"] for event in await events(stream, 2)] == ["1", "3"]


async def test_of_too_many_tabs_the_oldest_is_told_to_leave(visitor: Browser) -> None:
    streams = []
    for _ in range(6):
        streams.append(await visitor.stream("/events"))
        await ready(streams[-1])
    assert b"event: full" in await streams[0].read()
    for stream in streams:
        stream.close()


async def test_events_need_the_cookie_and_the_own_page(house: House, visitor: Browser) -> None:
    assert (await visitor.get("/events", Sec_Fetch_Site="cross-site")).status == 403
    async with browser(house) as stranger:
        assert (await stranger.get("/events")).status == 403


async def test_there_are_only_so_many_streams(
    house: House, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.channel._streams, "IN_ALL", 0)
    assert (await visitor.get("/events")).status == 503


async def test_the_stop_ends_open_streams(visitor: Browser, house: House) -> None:
    async with visitor.stream("/events") as stream:
        await ready(stream)
        async with asyncio.timeout(4):
            await house.server.stop(60)
        assert b"event:" not in await stream.read()


async def test_a_page_that_went_away_is_forgotten(house: House, visitor: Browser) -> None:
    forgotten = asyncio.Event()
    streams = house.channel._streams
    remove = streams.remove

    def watched(stream: Any) -> None:
        remove(stream)
        forgotten.set()

    streams.remove = watched  # type: ignore[method-assign]
    async with visitor.stream("/events") as stream:
        await ready(stream)
        assert streams._count == 1
    async with asyncio.timeout(10):
        await forgotten.wait()
    assert (streams._count, streams._open) == (0, {})


# ---- pages -----------------------------------------------------------------------------------------------


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
