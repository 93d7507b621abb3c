"""The orderly end: what is in hand is finished, the rest waits for the next process, the log is empty."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
import pytest_asyncio

from storage.database import Session
from storage.deliveries import State
from storage.leases import Lease
from tests.bot.machine import states, utc_now
from tests.bot.processes import GRACE, ended, running
from tests.bot.several import Several, several
from tests.fake_telegram.failures import Failure
from tests.stores import NewStore
from tests.talk import fresh

pytestmark = pytest.mark.stores("sqlite", "postgresql")

PEOPLE = 60
BEFORE = 20
"""How many calls Telegram takes before the one that it holds up."""

ROOM = 5.0
"""Seconds that a machine under load may need on top."""


@pytest_asyncio.fixture
async def around(new_store: NewStore, tmp_path: Path) -> AsyncIterator[Several]:
    """Give a store with an announcement that is due for many people."""
    async with several(new_store(fresh), tmp_path) as made:
        made.add_people(*(str(2_000 + number) for number in range(PEOPLE)))
        made.announce("Jutro nie ma wody.")
        yield made


def variables(around: Several) -> dict[str, str]:
    """Return the settings of a process; a call may take longer than the end of the program."""
    return {
        "DATABASE_URL": around.url,
        "TELEGRAM_TOKEN": around.fake.token,
        "TELEGRAM_API_URL": around.fake.url,
        "LEASE_SECONDS": "60",
        "LOG_LEVEL": "WARNING",
    }


def hold_up_one(around: Several) -> asyncio.Event:
    """Let one call of the broadcast wait until the event is set."""
    held = asyncio.Event()
    around.fake.fails("sendMessage", *[Failure() for _ in range(BEFORE)], Failure(hold=held))
    return held


async def until_sending(around: Several) -> None:
    """Wait until the broadcast is under way, and the call that is held up too."""
    await around.fake.until(lambda: len(around.fake.called("sendMessage")) > BEFORE + 5)


async def until_deaf(around: Several) -> None:
    """Wait until the process has said for the last time which updates it has handled."""
    await around.fake.until(lambda: around.fake.called("getUpdates")[-1].get("limit") == 1)


def leases_held(session: Session) -> int:
    """Return how many leases somebody holds."""
    return session.query(Lease).filter(Lease.expires_at > utc_now()).count()


def texts(around: Several) -> list[int]:
    """Return how many messages each person has got."""
    return [len(chat.sent) for chat in around.fake.chats.values()]


async def test_what_is_in_hand_is_finished_and_the_next_process_does_the_rest(
    around: Several, tmp_path: Path
) -> None:
    await end_orderly(around, tmp_path, SIGTERM)


@pytest.mark.stores("sqlite")
async def test_ctrl_c_ends_it_in_the_same_way(around: Several, tmp_path: Path) -> None:
    await end_orderly(around, tmp_path, SIGINT)


async def end_orderly(around: Several, tmp_path: Path, number: signal.Signals) -> None:
    """End a process in the middle of a broadcast and of a slow call, and let another one go on."""
    held = hold_up_one(around)
    asks = around.fake.person(1_999)
    async with running(tmp_path, **variables(around)) as (process, _):
        await until_sending(around)
        process.send_signal(number)
        await until_deaf(around)
        asks.writes("/start")
        held.set()
        assert await ended(process, GRACE) == (0, "")
    assert len(around.fake.queue.pending) == 1
    assert around.database.read(leases_held) == 0
    found = Counter(states(around.database))
    assert set(found) == {State.SENT, State.PENDING}
    assert found[State.SENT] == sum(texts(around)) > BEFORE
    async with running(tmp_path, **variables(around)) as (process, _):
        await asks.hears()
        await around.fake.until(lambda: sum(texts(around)) >= PEOPLE + 1)
        process.send_signal(number)
        assert await ended(process, GRACE) == (0, "")
    assert texts(around) == [1] * (PEOPLE + 1)
    assert set(states(around.database)) == {State.SENT}


async def test_what_has_not_left_when_the_time_is_over_is_pending_and_what_may_have_is_unknown(
    around: Several, tmp_path: Path
) -> None:
    held = hold_up_one(around)
    async with running(tmp_path, **variables(around)) as (process, _):
        await until_sending(around)
        process.send_signal(SIGTERM)
        status, logged = await ended(process, GRACE + ROOM)
    assert status == 0
    assert all("is not known" in line for line in logged.splitlines()), logged
    found = Counter(states(around.database))
    assert found[State.UNKNOWN] == 1
    assert found[State.SENT] == sum(texts(around))
    assert found[State.PENDING] == PEOPLE - 1 - found[State.SENT] > 0
    assert around.database.read(leases_held) == 0
    held.set()
