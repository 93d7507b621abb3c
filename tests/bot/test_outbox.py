"""The sender: everything in the outbox is sent, in order, and what became of it is recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from bot.channel import Again, Gone, Moved, Never, Unknown
from bot.outbox import MAX_ATTEMPTS, Outbox
from bot.store import Store
from storage import deliveries, people
from storage.database import Database
from storage.deliveries import State
from storage.people import Account
from tests.bot.machine import Post, add_person, add_push, add_replies, rows, states, utc_now
from tests.talk import House

STOP = 20.0
Start = Callable[..., Awaitable[Outbox]]


@pytest.fixture
def database(house: House) -> Database:
    """Return a store."""
    return house.database


@pytest_asyncio.fixture
async def start(database: Database) -> AsyncIterator[Start]:
    """Return what starts a sender over some channels, each time as a process of its own."""
    store, running = Store(database), list[Outbox]()

    async def make(*channels: Post, now: Callable[[], datetime] = utc_now, pause: float = 0.0) -> Outbox:
        outbox = Outbox(store, channels, now, {"telegram": pause})
        running.append(outbox)
        await outbox.start()
        return outbox

    yield make
    for outbox in running:
        await outbox.stop(STOP)
    store.close()


async def test_answers_to_one_address_keep_their_order(start: Start, database: Database) -> None:
    post = Post()
    outbox = await start(post)
    texts = [str(number) for number in range(30)]
    for text in texts:
        outbox.send_now(add_replies(database, outbox.owner, "anna", [text]))
    assert await post.has_sent(30) == texts
    await outbox.stop(STOP)
    assert [row.platform_ref for row in rows(database)] == [f"ref {row.id}" for row in rows(database)]
    assert set(states(database)) == {State.SENT}


async def test_a_slow_address_holds_up_no_other(start: Start, database: Database) -> None:
    post = Post()
    post.door.clear()
    outbox = await start(post)
    outbox.send_now(add_replies(database, outbox.owner, "slow", ["1", "2"]))
    await post.until(lambda: len(post.tried) == 1)
    outbox.send_now(add_replies(database, outbox.owner, "other", ["3"]))
    await post.until(lambda: [one.address for one in post.tried] == ["slow", "other"])
    post.door.set()
    await post.has_sent(3)


async def test_what_was_put_there_is_sent_and_recorded(start: Start, database: Database) -> None:
    post, web = Post(), Post("web")
    outbox = await start(post, web)
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    add_push(database, "page", "on the web", "web")
    outbox.wake()
    assert sorted(await post.has_sent(25), key=int) == [str(number) for number in range(25)]
    assert await web.has_sent(1) == ["on the web"]
    await outbox.stop(STOP)
    assert set(states(database)) == {State.SENT}


async def test_what_was_not_taken_is_pending_until_its_time(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=3600)]
    outbox = await start(post)
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["hello"]))
    await post.until(lambda: len(post.tried) == 1)
    before = utc_now()
    await outbox.stop(STOP)
    [row] = rows(database)
    assert (row.state, row.attempts, row.reason) == (State.PENDING, 1, "busy")
    assert abs(row.due_at - before - timedelta(hours=1)) < timedelta(minutes=1)
    second = await start(post, now=lambda: utc_now() + timedelta(hours=2))
    assert await post.has_sent(1) == ["hello"]
    await second.stop(STOP)
    assert [(row.state, row.attempts) for row in rows(database)] == [(State.SENT, 2)]


async def test_what_was_not_taken_is_sent_later_by_the_same_process(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=0.1), Again("still busy", after=0.1)]
    outbox = await start(post)
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["hello"]))
    assert await post.has_sent(1) == ["hello"]
    assert len(post.tried) == 3


async def test_it_is_not_tried_for_ever(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=0.0) for _ in range(MAX_ATTEMPTS)]
    outbox = await start(post)
    add_push(database, "anna", "hello")
    outbox.wake()
    await post.until(lambda: len(post.tried) == MAX_ATTEMPTS)
    await outbox.stop(STOP)
    assert [(row.state, row.attempts) for row in rows(database)] == [(State.FAILED, MAX_ATTEMPTS)]


async def test_an_address_that_is_gone_gets_nothing_more(start: Start, database: Database) -> None:
    anna = add_person(database, "anna")
    post = Post()
    post.troubles["anna"] = [Gone("blocked")]
    outbox = await start(post)
    add_push(database, "anna", "hello")
    add_push(database, "jan", "hello")
    outbox.wake()
    await post.until(lambda: len(post.tried) == 2)
    await outbox.stop(STOP)
    assert [row.state for row in rows(database)] == [State.UNREACHABLE, State.SENT]
    assert database.read(lambda session: people.get_open_accounts(session, [anna])) == {}


async def test_what_waits_for_an_address_that_is_gone_is_not_tried(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Gone("blocked")]
    outbox = await start(post)
    target = deliveries.Target("telegram", "anna", 1)
    soon = utc_now() + timedelta(seconds=1)
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"text": "later"})], soon))
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["now"]))
    await post.until(lambda: len(post.tried) == 1)
    await outbox.stop(STOP)
    assert states(database) == [State.UNREACHABLE, State.UNREACHABLE]


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (Never("too long"), State.FAILED),
        (Unknown("cut off"), State.UNKNOWN),
        (KeyError("a bug in the channel"), State.FAILED),
        (TimeoutError(), State.FAILED),
    ],
)
async def test_a_failure_is_recorded_not_repeated_and_stops_nothing(
    start: Start, database: Database, trouble: Exception, state: State
) -> None:
    post = Post()
    post.troubles["anna"] = [trouble]
    outbox = await start(post)
    add_push(database, "anna", "bad")
    outbox.wake()
    await post.until(lambda: len(post.tried) == 1)
    add_push(database, "jan", "good")
    outbox.wake()
    assert await post.has_sent(1) == ["good"]
    await outbox.stop(STOP)
    assert states(database) == [state, State.SENT]
    add_push(database, "jan", "better")
    await start(post)
    assert await post.has_sent(2) == ["good", "better"]


async def test_a_failed_answer_holds_up_no_later_one(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Never("too long"), ValueError("a bug in the channel")]
    outbox = await start(post)
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["1", "2", "3"]))
    assert await post.has_sent(1) == ["3"]


async def test_a_message_that_cannot_be_read_stops_nothing(start: Start, database: Database) -> None:
    post = Post()
    outbox = await start(post)
    target = deliveries.Target("telegram", "anna", 1)
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"no": "text"})], utc_now()))
    add_push(database, "jan", "good")
    outbox.wake()
    assert await post.has_sent(1) == ["good"]
    await outbox.stop(STOP)
    assert states(database) == [State.FAILED, State.SENT]


async def test_a_chat_that_moved_gets_its_message_where_it_is(start: Start, database: Database) -> None:
    add_person(database, "old")
    post = Post()
    post.troubles["old"] = [Moved("new")]
    outbox = await start(post)
    outbox.send_now(add_replies(database, outbox.owner, "old", ["hello"]))
    assert await post.has_sent(1) == ["hello"]
    assert [parcel.address for parcel in post.tried] == ["old", "new"]
    assert database.read(lambda session: session.query(Account).one().address) == "new"


async def test_two_chats_that_say_they_moved_to_each_other_end(start: Start, database: Database) -> None:
    post = Post()
    post.troubles = {"a": [Moved("b") for _ in range(99)], "b": [Moved("a") for _ in range(99)]}
    outbox = await start(post)
    add_push(database, "a", "hello")
    add_push(database, "jan", "good")
    outbox.wake()
    assert await post.has_sent(1) == ["good"]
    await post.until(lambda: len(post.tried) == MAX_ATTEMPTS + 1)
    await outbox.stop(STOP)
    assert states(database) == [State.FAILED, State.SENT]


async def test_a_killed_process_leaves_its_work_to_the_next(start: Start, database: Database) -> None:
    add_replies(database, "killed", "anna", ["claimed"])
    add_push(database, "jan", "was leaving")
    [leaving] = database.write(lambda session: deliveries.claim_due(session, "telegram", "killed", utc_now()))
    database.write(lambda session: deliveries.set_sending(session, [leaving.id], "killed"))
    post = Post()
    outbox = await start(post)
    assert await post.has_sent(1) == ["claimed"]
    await outbox.stop(STOP)
    assert states(database) == [State.SENT, State.UNKNOWN]
    assert len(post.tried) == 1


async def test_stopping_lets_what_is_leaving_leave(start: Start, database: Database) -> None:
    post = Post()
    post.door.clear()
    outbox = await start(post)
    for number in range(5):
        add_push(database, f"address {number}", str(number))
    outbox.wake()
    await post.until(lambda: len(post.tried) == 5)
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["answer"]))
    await post.until(lambda: len(post.tried) == 6)
    stopping = asyncio.create_task(outbox.stop(STOP))
    post.door.set()
    await stopping
    assert len(post.sent) == 6
    assert set(states(database)) == {State.SENT}


async def test_stopping_does_not_break_off_a_batch_that_is_paced(start: Start, database: Database) -> None:
    post = Post()
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    outbox = await start(post, pause=0.01)
    await post.until(lambda: len(post.tried) == 1)
    await outbox.stop(STOP)
    assert states(database) == [State.SENT] * 10 + [State.PENDING] * 15


async def test_stopping_gives_back_what_has_not_left(start: Start, database: Database) -> None:
    post = Post()
    post.door.clear()
    outbox = await start(post)
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    outbox.wake()
    await post.until(lambda: len(post.tried) == 10)
    await outbox.stop(0.01)
    assert states(database).count(State.UNKNOWN) == 10
    assert states(database).count(State.PENDING) == 15
    assert {row.owner for row in rows(database)} == {None}
    post.door.set()
    await start(post)
    await post.has_sent(15)


async def test_a_store_that_is_away_for_a_while_loses_no_outcome(
    start: Start, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    post = Post()
    post.door.clear()
    outbox = await start(post)
    database.engine.dispose()  # connect anew, with the short patience
    outbox.send_now(add_replies(database, outbox.owner, "anna", ["hello"]))
    await post.until(lambda: len(post.tried) == 1)
    other = Database(f"sqlite:///{database.path}")
    refused = asyncio.Event()

    def warn(text: str, *_values: object) -> None:
        if "outcomes" in text:
            refused.set()

    monkeypatch.setattr("bot.outbox.log.warning", warn)
    with other.engine.begin():  # BEGIN IMMEDIATE: another process holds the only lock
        post.door.set()
        await asyncio.wait_for(refused.wait(), 30)
    other.close()
    await outbox.stop(STOP)
    assert states(database) == [State.SENT]
