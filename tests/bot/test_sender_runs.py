"""The sender: what it has under way, when a run is done, and a store which breaks off."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from bot.pacer import ChatRate, Pace
from bot.signals import OUTBOX
from bot.store import Store
from bot.turns import FORSAKEN_AFTER, Taken
from storage.database import Session, StoreUnavailable
from storage.deliveries import Birth, State
from storage.runs import RunState
from tests.bot.machine import PATIENCE, Post, Process, add_person, add_push, add_replies, states, utc_now
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


async def test_many_messages_to_one_address_hold_up_nobody_else(house: House) -> None:
    post = Post()
    post.pace = Pace(10_000, 0, lambda address: ChatRate(1, 3_600.0 if address == "many" else 1e-6, 1))
    for number in range(60):
        add_push(house.database, "many", str(number))
    for number in range(100):
        add_push(house.database, f"address {number}", "hello")
    process = Process(house.database, post)
    await process.start()
    await post.until(lambda: len(post.sent) == 101)
    process.answer("many", *map(str, range(20)))
    process.answer("other", "hello")
    await post.until(lambda: post.sent[-1].address == "other")
    await process.stop(0.01)
    assert states(house.database).count(State.PENDING) == 59 + 20
    process.store.close()


async def test_an_answer_of_another_process_does_not_wait_for_the_pushes_in_hand(house: House) -> None:
    post = Post()
    post.door.clear()
    for number in range(100):
        add_push(house.database, f"address {number}", "hello")
    process = Process(house.database, post)
    await process.start()
    await post.until(lambda: len(post.tried) == 10)
    add_replies(house.database, Birth(), "anna", ["hello"])
    process.signals.tell(OUTBOX)
    await post.until(lambda: post.tried[-1].address == "anna")
    post.door.set()
    await process.stop()
    process.store.close()


async def test_an_answer_whose_process_was_not_told_that_it_was_stored_is_sent_later(house: House) -> None:
    times = [NOW]
    post = Post()
    process = Process(house.database, post, now=lambda: times[0])
    await process.start()
    birth = process.outbox.birth("telegram", "anna")
    assert birth.state is State.SENDING
    add_replies(house.database, birth, "anna", ["hello"])
    process.signals.tell(OUTBOX)
    process.answer("jan", "hello")
    assert await post.has_sent(1) == ["hello"]
    assert State.SENDING in states(house.database)
    times[0] = utc_now() + 2 * FORSAKEN_AFTER
    process.signals.tell(OUTBOX)
    await post.until(lambda: post.sent[-1].address == "anna")
    await process.stop()
    assert states(house.database) == [State.SENT, State.SENT]


async def test_an_answer_whose_process_was_not_told_is_pending_when_that_ends(house: House) -> None:
    post = Post()
    process = Process(house.database, post)
    await process.start()
    add_replies(house.database, process.outbox.birth("telegram", "anna"), "anna", ["hello"])
    await process.stop()
    assert states(house.database) == [State.PENDING]


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
