"""The events of the web chat over real HTTP: everything is heard once, by every page."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from markupsafe import Markup

from bot.channels.web import Letter
from handlers.dialogue.message import Option, Outgoing
from tests.bot.web_browser import Browser, browser, events, message, ready
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
        "file": None,
        "takes_file": False,
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
        house.late.add(1)
        house.channel._streams.wake(address, 1)
        house.channel._streams.wake(address, 2)
        await house.push(address, Outgoing(Markup("trzecie")))
        assert [event["id"] for event in await events(stream, 2)] == ["1", "3"]
        house.channel._streams.wake(address, 1)
        await house.push(address, Outgoing(Markup("czwarte")))
        assert [event["id"] for event in await events(stream, 1)] == ["4"]


async def test_a_letter_that_came_late_while_its_page_was_away_is_heard(
    house: House, visitor: Browser
) -> None:
    await visitor.post(message("hej"))
    address = (await house.came(1)).address
    for text in ("jeden", "dwa", "trzy"):
        await house.push(address, Outgoing(Markup.escape(text)))
    house.late.add(2)
    async with visitor.stream("/events?after=3") as stream:
        assert [event["id"] for event in await events(stream, 1)] == ["2"]
        await ready(stream)
        house.late.add(1)  # the signal which told of it got lost
        house.channel._wake("")
        assert [event["id"] for event in await events(stream, 1)] == ["1"]


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
