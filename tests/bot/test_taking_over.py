"""The sender's lease: who sends, who takes the place of one that hangs, and what that one may do then."""

import pytest

from bot.signals import OUTBOX
from storage import leases
from storage.database import Database
from storage.deliveries import State
from tests.bot.machine import Post, Start, add_push, rows, states, utc_now

pytestmark = pytest.mark.stores("postgresql")

TELEGRAM = "telegram"


def add_pushes(database: Database, first: int, last: int) -> None:
    """Store messages to addresses of their own."""
    for number in range(first, last):
        add_push(database, f"address {number}", str(number))


async def test_only_one_sends_and_the_other_as_soon_as_that_one_ends(
    start: Start, database: Database
) -> None:
    mine, theirs = Post(), Post()
    one, two = await start(mine), await start(theirs)
    add_pushes(database, 0, 20)
    two.signals.tell(OUTBOX)
    await mine.has_sent(20)
    await one.stop()
    add_pushes(database, 20, 40)
    two.signals.tell(OUTBOX)
    assert sorted(await theirs.has_sent(20), key=int) == [str(number) for number in range(20, 40)]
    assert len(mine.sent) == 20


async def test_a_process_that_hangs_is_replaced_and_changes_nothing_afterwards(
    start: Start, database: Database
) -> None:
    mine, theirs = Post(), Post()
    mine.door.clear()
    hung = await start(mine)
    add_pushes(database, 0, 25)
    hung.signals.tell(OUTBOX)
    await mine.until(lambda: len(mine.tried) == 10)
    assert states(database).count(State.CLAIMED) == 15
    database.write(lambda session: leases.release_every_lease(session, utc_now()))  # as if it had run out
    successor = await start(theirs)
    await theirs.has_sent(15)
    assert states(database).count(State.UNKNOWN) == 10
    mine.door.set()  # it still believes that it may send: what it claimed is in the other's hands by now
    await mine.has_sent(10)
    await hung.leases.wait_until(TELEGRAM, held=False)
    await hung.stop()
    await successor.stop()
    assert states(database) == [State.UNKNOWN] * 10 + [State.SENT] * 15
    assert sorted(parcel.id for parcel in mine.sent + theirs.sent) == [row.id for row in rows(database)]
    assert len(mine.tried) == 10


async def test_who_holds_the_lease_and_loses_the_store_for_long_sends_nothing(
    start: Start, database: Database
) -> None:
    mine, theirs = Post(), Post()
    one = await start(mine, life=1.0)
    await one.leases._claim()
    assert one.leases._task is not None
    one.leases._task.cancel()  # it cannot renew what it holds
    await one.leases.wait_until(TELEGRAM, held=False)
    two = await start(theirs)
    add_pushes(database, 0, 5)
    two.signals.tell(OUTBOX)
    await theirs.has_sent(5)
    one.answer("anna", "answer")
    two.signals.tell(OUTBOX)
    await theirs.has_sent(6)
    assert mine.tried == []
