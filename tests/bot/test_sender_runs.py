"""The sender and the runs whose messages it sends."""

import asyncio
from datetime import timedelta

import pytest

from bot.signals import OUTBOX
from storage.runs import RunState
from tests.bot.machine import PATIENCE, Post, Process, add_person
from tests.storage.conftest import NOW
from tests.storage.sending import broadcast, state_of
from tests.talk import House

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
