"""Several processes on one PostgreSQL: each part is done by one of them, and another takes its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bot.channels.telegram.channel import UPDATES
from bot.clock import NAME as CLOCK
from storage.deliveries import State
from storage.runs import Run
from tests.bot.flows import Program
from tests.bot.machine import add_push, rows
from tests.bot.several import Several, several
from tests.bot.web_browser import browser, events, message, ready
from tests.bot.web_house import House
from tests.stores import NewStore
from tests.talk import fresh

pytestmark = pytest.mark.stores("postgresql")

PATIENCE = 20.0


@pytest_asyncio.fixture
async def around(new_store: NewStore, tmp_path: Path) -> AsyncIterator[Several]:
    """Give what begins processes on one store."""
    async with several(new_store(fresh), tmp_path) as made:
        yield made


def holds(program: Program, name: str) -> bool:
    """Return whether a process holds a lease."""
    return program.running.leases.term(name) is not None


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition on the store holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)


def has_rows(around: Several, count: int) -> bool:
    """Return whether there are so many messages."""
    return len(rows(around.database)) == count


async def test_an_answer_given_where_nothing_is_sent_leaves_from_where_it_is(around: Several) -> None:
    one, two = [await around.begin(by_webhook=True) for _ in range(2)]
    owner = one.running.leases.process
    assert holds(one, "telegram")
    assert not holds(two, "telegram")
    around.fake.queue.poster.addresses = [f"{two.settings.public_url}/telegram"]
    await around.fake.until(lambda: len(around.fake.called("setWebhook")) == 2)
    anna = around.fake.person()
    for number in range(1, 6):
        anna.writes("/start")
        await anna.hears(number)
    await one.stop()
    assert [(row.state, (row.owner or "").partition(":")[0]) for row in rows(around.database)] == [
        (State.SENT, owner)
    ] * 5
    anna.writes("/start")
    await anna.hears(6)


async def test_answers_to_one_chat_leave_in_the_order_in_which_they_were_given(
    around: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = [await around.begin(by_webhook=True) for _ in range(2)]
    await around.fake.until(lambda: len(around.fake.called("setWebhook")) == 2)
    poster, anna = around.fake.queue.poster, around.fake.person()
    with monkeypatch.context() as patch:
        patch.setattr(one.running.outbox, "wake", lambda: None)  # the one that sends hears of nothing
        for number, (program, text) in enumerate(((two, "/prywatnosc"), (one, "/start")), start=1):
            poster.addresses = [f"{program.settings.public_url}/telegram"]
            anna.writes(text)
            await until(partial(has_rows, around, number))
    one.running.outbox.wake()
    await anna.hears(2)
    assert "Co bot o Tobie przechowuje" in anna.texts[0]
    assert "Dzień dobry" in anna.texts[1]


async def test_one_process_fetches_updates_and_the_next_one_goes_on_where_it_stopped(
    around: Several, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await around.begin(), await around.begin()
    assert (holds(one, UPDATES), holds(two, UPDATES)) == (True, False)
    people = [around.fake.person(2_000 + number) for number in range(40)]
    for person in people[:20]:
        person.writes("/start")
    await people[0].hears()
    stopping = asyncio.create_task(one.stop())
    for person in people[20:]:
        person.writes("/start")
    await stopping
    for person in people:
        await person.hears()
    assert holds(two, UPDATES)
    await two.stop()
    assert [len(person.sent) for person in people] == [1] * 40
    assert not around.fake.queue.pending
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


async def test_a_page_open_at_one_process_shows_what_another_says(around: Several) -> None:
    one = await around.begin(telegram=False)
    two = await around.begin(telegram=False, turn_off="clock,send")
    async with browser(House(port=one.running.server.port)) as visitor:
        await visitor.get("/")
        page = f"http://127.0.0.1:{two.running.server.port}/events"
        async with visitor.stream(page) as stream:
            await ready(stream)
            assert (await visitor.post(message("/start"))).status == 202
            [answer] = await events(stream, 1)
            assert "Dzień dobry" in str(answer["nodes"])
            around.announce("Jutro zebranie.")
            two.running.signals.tell("clock")
            [broadcast] = await events(stream, 1)
            assert "Jutro zebranie." in str(broadcast["nodes"])


async def test_one_process_makes_the_runs_and_the_next_one_goes_on(around: Several) -> None:
    one, two = await around.begin(), await around.begin()
    around.add_people("2001", "2002")
    phones = [around.fake.chats[2001], around.fake.chats[2002]]
    assert (holds(one, CLOCK), holds(two, CLOCK)) == (True, False)
    for number in range(10):
        around.announce(f"Ogłoszenie {number}")
    two.running.signals.tell("clock")
    for phone in phones:
        await phone.hears(10)
    await one.stop()
    for number in range(10, 20):
        around.announce(f"Ogłoszenie {number}")
    two.running.signals.tell("clock")
    for phone in phones:
        await phone.hears(20)
        assert len(set(phone.texts)) == 20
    assert around.database.read(lambda session: session.query(Run).count()) == 20


PARTS = ("telegram", "web", "receive", "send", "clock")


@pytest.mark.parametrize("off", ["", *PARTS])
async def test_a_part_that_is_turned_off_is_not_done_and_its_lease_not_asked_for(
    around: Several, off: str
) -> None:
    around.add_people("2001")
    around.add_people("page", channel="web")
    for address, channel in (("2001", "telegram"), ("page", "web")):
        add_push(around.database, address, "push", channel)
    around.announce("announcement")
    program = await around.begin(turn_off=off)
    fetches = off not in {"telegram", "receive"}
    if fetches:
        await around.fake.until(lambda: bool(around.fake.called("getUpdates")))
    await until(partial(settled, around, off))
    async with browser(House(port=program.running.server.port)) as visitor:
        assert (await visitor.get("/")).status == (404 if off in {"web", "receive"} else 200)
        assert (await visitor.get("/health")).status == 200
    held = {name for name in ("clock", "web", "telegram", UPDATES) if holds(program, name)}
    expected = {
        "clock": off != "clock",
        "web": off not in {"web", "send"},
        "telegram": off not in {"telegram", "send"},
        UPDATES: fetches,
    }
    assert held == {name for name, wanted in expected.items() if wanted}
    await program.stop()
    assert settled(around, off)
    assert bool(around.fake.called("getUpdates")) is fetches


def settled(around: Several, off: str) -> bool:
    """Return whether everything is sent and done that is not turned off, and nothing else."""
    runs = around.database.read(lambda session: session.query(Run).count())
    states = {(row.channel, row.run_id is not None): row.state for row in rows(around.database)}
    channels = [("telegram", off not in {"telegram", "send"}), ("web", off not in {"web", "send"})]
    expected = {
        (channel, by_clock): State.SENT if sends else State.PENDING
        for channel, sends in channels
        for by_clock in ([False] if off == "clock" else [False, True])
    }
    return runs == (0 if off == "clock" else 1) and states == expected
