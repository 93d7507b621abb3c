"""What has to wait: behind another message, for the end of a pause, or for its person to write again."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.channel import Again
from bot.pacer import ChatRate, Pace
from bot.signals import CLOCK, OUTBOX
from storage.database import Database
from storage.deliveries import State
from tests.bot.machine import PATIENCE, Post, Start, add_push, rows, states, utc_now
from tests.bot.several import several
from tests.stores import NewStore
from tests.talk import fresh

pytestmark = pytest.mark.stores("sqlite", "postgresql")

HOUR = 3600.0


class PacedPost(Post):
    """A platform with limits, which are not reached here, and so with pauses."""

    pace = Pace(1_000, 0, lambda _address: ChatRate(1_000, 1.0, 100))


def later() -> datetime:
    """Return the time two hours from now."""
    return utc_now() + timedelta(hours=2)


async def until_states(database: Database, expected: list[State]) -> None:
    """Wait until the messages have come so far."""
    async with asyncio.timeout(PATIENCE):
        while states(database) != expected:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)


async def test_those_behind_a_message_that_has_to_wait_stay_behind_it(start: Start) -> None:
    post = PacedPost()
    post.troubles["anna"] = [Again("busy", after=0.3), Again("still busy", after=0.3)]
    process = await start(post)
    process.answer("anna", "1", "2")
    await post.until(lambda: len(post.tried) == 1)
    process.answer("anna", "3")
    process.answer("jan", "at once")
    await post.until(lambda: len(post.tried) == 3)
    process.answer("anna", "4")
    assert await post.has_sent(5) == ["at once", "1", "2", "3", "4"]


async def test_the_pause_of_a_chat_is_kept_by_the_next_process(start: Start, database: Database) -> None:
    post = PacedPost()
    post.troubles["anna"] = [Again("flood", after=HOUR)]
    one = await start(post)
    one.answer("anna", "1")
    await post.until(lambda: len(post.tried) == 1)
    await one.stop()
    two = await start(post)
    two.answer("anna", "2")
    two.answer("jan", "not paused")
    await until_states(database, [State.PENDING, State.PENDING, State.SENT])
    assert len(post.tried) == 2
    await two.stop()
    assert all(row.due_at - utc_now() > timedelta(minutes=50) for row in rows(database)[:2])
    await start(post, now=later)
    assert await post.has_sent(3) == ["not paused", "1", "2"]


async def test_the_pause_of_the_whole_bot_is_kept_by_the_next_process(
    start: Start, database: Database
) -> None:
    post = PacedPost()
    post.troubles["anna"] = [Again("flood", after=HOUR, everyone=True)]
    one = await start(post)
    one.answer("anna", "1")
    await post.until(lambda: len(post.tried) == 1)
    await one.stop()
    two = await start(post)
    two.answer("jan", "2")
    add_push(database, "jan", "3")
    two.signals.tell(OUTBOX)
    await until_states(database, [State.PENDING] * 3)
    await two.stop()
    assert (len(post.tried), states(database)) == (1, [State.PENDING] * 3)
    await start(post, now=later)
    assert sorted(await post.has_sent(3)) == ["1", "2", "3"]


async def test_who_blocked_the_bot_gets_nothing_until_they_write_again(
    new_store: NewStore, tmp_path: Path
) -> None:
    async with several(new_store(fresh), tmp_path) as around:
        around.add_people("2001", "2002")
        anna, jan = around.fake.person(2001), around.fake.person(2002)
        program = await around.begin()

        async def announce(text: str) -> None:
            around.announce(text)
            program.running.signals.tell(CLOCK)
            await around.fake.until(lambda: any(text in one for one in jan.texts))

        anna.blocked = True
        await announce("Pierwsze")
        await until_states(around.database, [State.UNREACHABLE, State.SENT])
        await announce("Drugie")
        assert len(rows(around.database)) == 3
        anna.blocked = False
        await announce("Trzecie")
        anna.writes("/start")
        await anna.hears()
        await announce("Czwarte")
        last = await anna.hears(2)
        assert "Czwarte" in last.text
        assert len(around.fake.called("sendMessage")) == 7
