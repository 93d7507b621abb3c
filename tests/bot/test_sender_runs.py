"""The sender: what it has under way, when a run is done, and a store which breaks off."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from bot.sender import Taken
from bot.signals import OUTBOX
from bot.store import Store
from storage.database import Session, StoreUnavailable
from storage.deliveries import Birth, State
from storage.runs import RunState
from tests.bot.machine import PATIENCE, Post, Process, add_person, add_replies, states
from tests.storage.conftest import NOW
from tests.storage.sending import broadcast, state_of
from tests.talk import House

T = TypeVar("T")

pytestmark = pytest.mark.stores("sqlite", "postgresql")


async def test_a_run_is_done_as_soon_as_its_last_message_has_arrived(house: House) -> None:
    for number in range(15):
        add_person(house.database, f"address {number}")
    post = Post()
    post.door.clear()
    process = Process(house.database, post, now=lambda: NOW + timedelta(minutes=1))
    await process.start()
    run_id = broadcast(house.database, "hello")
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 10)
    assert state_of(house.database, run_id) is RunState.FILLED
    post.door.set()
    async with asyncio.timeout(PATIENCE):
        while state_of(house.database, run_id) is not RunState.DONE:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)
    assert len(post.sent) == 15
    await process.stop()
    process.store.close()


async def test_no_more_than_ten_answers_of_other_processes_are_under_way(house: House) -> None:
    for number in range(30):
        add_replies(house.database, Birth(), f"address {number}", ["hello"])
    post = Post()
    post.door.clear()
    process = Process(house.database, post)
    await process.start()
    async with asyncio.timeout(PATIENCE):
        while State.PENDING in states(house.database) or len(post.tried) < 10:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert states(house.database).count(State.SENDING) == 10
    post.door.set()
    await post.has_sent(30)
    await process.stop()
    process.store.close()


@pytest.mark.parametrize("what", ["claimed", "allowed"])
async def test_what_a_turn_has_in_hand_leaves_although_the_store_broke_off_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    broken_off = list[Taken]()
    write = Store.write

    async def write_and_break_off(store: Store, work: Callable[[Session], T]) -> T:
        done = await write(store, work)
        if isinstance(done, Taken) and getattr(done, what) and not broken_off:
            broken_off.append(done)
            raise StoreUnavailable("the line was cut")
        return done

    monkeypatch.setattr(Store, "write", write_and_break_off)
    for number in range(5):
        add_person(house.database, f"address {number}")
    post = Post()
    process = Process(house.database, post, now=lambda: NOW + timedelta(minutes=1))
    await process.start()
    broadcast(house.database, "hello")
    process.signals.tell(OUTBOX)
    await post.has_sent(5)
    await process.stop()
    process.store.close()
    assert broken_off
    assert len(post.sent) == 5
    assert states(house.database) == [State.SENT] * 5
