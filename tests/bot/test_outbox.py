"""The sender: everything in the outbox is sent, in order, and what became of it is recorded."""

import asyncio
from datetime import timedelta

import pytest

from bot.channel import Again, Gone, Moved, Never, Unknown
from bot.pacer import ChatRate, Pace
from bot.posting import MAX_ATTEMPTS, Posting
from bot.signals import OUTBOX
from bot.store import Store
from handlers.dialogue.markup import plain
from storage import deliveries, people
from storage.database import Database
from storage.deliveries import Birth, Due, State
from storage.people import Account
from tests.bot.machine import Post, Start, add_person, add_push, add_replies, body, rows, states, utc_now
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")

STOP = 20.0


async def test_answers_to_one_address_keep_their_order(start: Start, database: Database) -> None:
    post = Post()
    process = await start(post)
    texts = [str(number) for number in range(30)]
    for text in texts:
        process.answer("anna", text)
    assert await post.has_sent(30) == texts
    await process.stop(STOP)
    assert [row.platform_ref for row in rows(database)] == [f"ref {row.id}" for row in rows(database)]
    assert set(states(database)) == {State.SENT}


async def test_what_was_claimed_with_an_answer_that_has_to_wait_waits_behind_it(
    start: Start, database: Database
) -> None:
    post = Post()
    post.troubles["anna"] = [Again("too early", after=0.01)]
    add_replies(database, Birth(), "anna", ["1", "2", "3"])
    add_replies(database, Birth(), "jan", ["other"])
    await start(post)
    await post.has_sent(4)
    assert [plain(one.message.text) for one in post.sent if one.address == "anna"] == ["1", "2", "3"]


async def test_a_slow_address_holds_up_no_other(start: Start) -> None:
    post = Post()
    post.door.clear()
    process = await start(post)
    process.answer("slow", "1", "2")
    await post.until(lambda: len(post.tried) == 1)
    process.answer("other", "3")
    await post.until(lambda: [one.address for one in post.tried] == ["slow", "other"])
    post.door.set()
    await post.has_sent(3)


async def test_what_was_put_there_is_sent_and_recorded(start: Start, database: Database) -> None:
    post, web = Post(), Post("web")
    process = await start(post, web)
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    add_push(database, "page", "on the web", "web")
    process.signals.tell(OUTBOX)
    assert sorted(await post.has_sent(25), key=int) == [str(number) for number in range(25)]
    assert await web.has_sent(1) == ["on the web"]
    await process.stop(STOP)
    assert set(states(database)) == {State.SENT}


async def test_what_was_not_taken_is_pending_until_its_time(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=3600)]
    process = await start(post)
    process.answer("anna", "hello")
    await post.until(lambda: len(post.tried) == 1)
    before = utc_now()
    await process.stop(STOP)
    [row] = rows(database)
    assert (row.state, row.attempts, row.reason) == (State.PENDING, 1, "busy")
    assert abs(row.due_at - before - timedelta(hours=1)) < timedelta(minutes=1)
    second = await start(post, now=lambda: utc_now() + timedelta(hours=2))
    assert await post.has_sent(1) == ["hello"]
    await second.stop(STOP)
    assert [(row.state, row.attempts) for row in rows(database)] == [(State.SENT, 2)]


async def test_what_was_not_taken_is_sent_later_by_the_same_process(start: Start) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=0.1), Again("still busy", after=0.1)]
    process = await start(post)
    process.answer("anna", "hello")
    assert await post.has_sent(1) == ["hello"]
    assert len(post.tried) == 3


async def test_it_is_not_tried_for_ever(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Again("busy", after=0.0) for _ in range(MAX_ATTEMPTS)]
    process = await start(post)
    add_push(database, "anna", "hello")
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == MAX_ATTEMPTS)
    await process.stop(STOP)
    assert [(row.state, row.attempts) for row in rows(database)] == [(State.FAILED, MAX_ATTEMPTS)]


async def test_an_address_that_is_gone_gets_nothing_more(start: Start, database: Database) -> None:
    anna = add_person(database, "anna")
    post = Post()
    post.troubles["anna"] = [Gone("blocked")]
    process = await start(post)
    add_push(database, "anna", "hello")
    add_push(database, "jan", "hello")
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 2)
    await process.stop(STOP)
    assert [row.state for row in rows(database)] == [State.UNREACHABLE, State.SENT]
    assert database.read(lambda session: people.get_open_accounts(session, [anna])) == {}


async def test_what_an_address_that_is_gone_does_not_take_leaves_on_the_persons_other_channel(
    start: Start, database: Database
) -> None:
    anna = add_person(database, "anna")
    page = Account(channel="web", sender="page", address="page", person_id=anna)
    database.write(lambda session: session.add(page))
    post, web = Post(), Post("web")
    post.troubles["anna"] = [Gone("blocked")]
    process = await start(post, web)
    add_push(database, "anna", "hello")
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 1)
    await process.stop(STOP)
    assert [(row.channel, row.address) for row in rows(database)] == [("web", "page")]
    later = await start(post, web)
    assert await web.has_sent(1) == ["hello"]
    await later.stop(STOP)
    assert states(database) == [State.SENT]
    assert len(post.tried) == 1


async def test_what_waits_for_an_address_that_is_gone_is_not_tried(start: Start, database: Database) -> None:
    post = Post()
    post.troubles["anna"] = [Gone("blocked")]
    process = await start(post)
    target = deliveries.Target("telegram", "anna", 1)
    soon = utc_now() + timedelta(seconds=1)
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"text": "later"})], soon))
    process.answer("anna", "now")
    await post.until(lambda: len(post.tried) == 1)
    await process.stop(STOP)
    assert states(database) == [State.UNREACHABLE, State.UNREACHABLE]


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (Never("too long"), State.FAILED),
        (Unknown("cut off"), State.UNKNOWN),
        (KeyError("a bug in the channel"), State.FAILED),
        (TimeoutError(), State.UNKNOWN),
    ],
)
async def test_a_failure_is_recorded_not_repeated_and_stops_nothing(
    start: Start, database: Database, trouble: Exception, state: State
) -> None:
    post = Post()
    post.troubles["anna"] = [trouble]
    process = await start(post)
    add_push(database, "anna", "bad")
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 1)
    add_push(database, "jan", "good")
    process.signals.tell(OUTBOX)
    assert await post.has_sent(1) == ["good"]
    await process.stop(STOP)
    assert states(database) == [state, State.SENT]
    add_push(database, "jan", "better")
    await start(post)
    assert await post.has_sent(2) == ["good", "better"]


async def test_a_failed_answer_holds_up_no_later_one(start: Start) -> None:
    post = Post()
    post.troubles["anna"] = [Never("too long"), ValueError("a bug in the channel")]
    process = await start(post)
    process.answer("anna", "1", "2", "3")
    assert await post.has_sent(1) == ["3"]


async def test_a_message_that_cannot_be_read_stops_nothing(start: Start, database: Database) -> None:
    post = Post()
    process = await start(post)
    target = deliveries.Target("telegram", "anna", 1)
    database.write(lambda session: deliveries.add_pushes(session, [(target, {"no": "text"})], utc_now()))
    add_push(database, "jan", "good")
    process.signals.tell(OUTBOX)
    assert await post.has_sent(1) == ["good"]
    await process.stop(STOP)
    assert states(database) == [State.FAILED, State.SENT]


async def test_a_chat_that_moved_gets_its_message_where_it_is(start: Start, database: Database) -> None:
    add_person(database, "old")
    post = Post()
    post.troubles["old"] = [Moved("new")]
    process = await start(post)
    process.answer("old", "hello")
    assert await post.has_sent(1) == ["hello"]
    assert [parcel.address for parcel in post.tried] == ["old", "new"]
    assert database.read(lambda session: session.query(Account).one().address) == "new"


async def test_two_chats_that_say_they_moved_to_each_other_end(start: Start, database: Database) -> None:
    post = Post()
    post.troubles = {"a": [Moved("b") for _ in range(99)], "b": [Moved("a") for _ in range(99)]}
    process = await start(post)
    add_push(database, "a", "hello")
    add_push(database, "jan", "good")
    process.signals.tell(OUTBOX)
    assert await post.has_sent(1) == ["good"]
    await post.until(lambda: len(post.tried) == MAX_ATTEMPTS + 1)
    await process.stop(STOP)
    assert states(database) == [State.FAILED, State.SENT]


async def test_a_killed_process_leaves_its_work_to_the_next(start: Start, database: Database) -> None:
    add_replies(database, Birth(State.CLAIMED, "killed:1"), "anna", ["claimed"])
    add_replies(database, Birth(State.SENDING, "killed:1"), "jan", ["was leaving"])
    post = Post()
    process = await start(post)
    assert await post.has_sent(1) == ["claimed"]
    await process.stop(STOP)
    assert states(database) == [State.SENT, State.UNKNOWN]
    assert len(post.tried) == 1


async def test_stopping_lets_what_is_leaving_leave(start: Start, database: Database) -> None:
    post = Post()
    post.door.clear()
    process = await start(post)
    for number in range(5):
        add_push(database, f"address {number}", str(number))
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 5)
    process.answer("anna", "answer")
    await post.until(lambda: len(post.tried) == 6)
    stopping = asyncio.create_task(process.stop(STOP))
    post.door.set()
    await stopping
    assert len(post.sent) == 6
    assert set(states(database)) == {State.SENT}


async def test_a_platform_in_trouble_gets_nothing_more_for_a_while(database: Database) -> None:
    post, store = Post(), Store(database)
    post.pace = Pace(30, 5, lambda _address: ChatRate(1, 1.0, 1))
    post.troubles["anna"] = [Unknown("Bad Gateway (502)", everyone=True)]
    posting = Posting(post, store, 1.0, utc_now)
    due = [Due(1, "telegram", address, body("x")) for address in ("anna", "jan")]
    states = [(await posting.post(one, lambda _: True)).state for one in due]
    assert states == [State.UNKNOWN, State.PENDING]
    assert [parcel.address for parcel in post.tried] == ["anna"]
    store.close()


async def test_stopping_gives_back_what_waits_for_its_turn(start: Start, database: Database) -> None:
    post = Post()
    post.pace = Pace(1, 0, lambda _address: ChatRate(1, 1.0, 1))
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    process = await start(post)
    await post.has_sent(1)
    await process.stop(STOP)
    sent = len(post.sent)
    assert sorted(states(database)) == [State.PENDING] * (25 - sent) + [State.SENT] * sent


async def test_stopping_gives_back_what_has_not_left(start: Start, database: Database) -> None:
    post = Post()
    post.door.clear()
    process = await start(post)
    for number in range(25):
        add_push(database, f"address {number}", str(number))
    process.signals.tell(OUTBOX)
    await post.until(lambda: len(post.tried) == 10)
    await process.stop(0.01)
    assert states(database).count(State.UNKNOWN) == 10
    assert states(database).count(State.PENDING) == 15
    assert {row.owner for row in rows(database) if row.state is State.PENDING} == {None}
    post.door.set()
    await start(post)
    await post.has_sent(15)


@pytest.mark.stores("sqlite")
async def test_a_store_that_is_away_for_a_while_loses_no_outcome(
    start: Start, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = beside(database)
    other.engine.connect().close()  # with the usual patience
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    post = Post()
    post.door.clear()
    process = await start(post)
    database.engine.dispose()  # connect anew, with the short patience
    process.answer("anna", "hello")
    await post.until(lambda: len(post.tried) == 1)
    refused = asyncio.Event()

    def warn(text: str, *_values: object) -> None:
        if "does not answer" in text:
            refused.set()

    monkeypatch.setattr("bot.sender.log.warning", warn)
    with other.engine.begin():  # BEGIN IMMEDIATE: another process holds the only lock
        post.door.set()
        await asyncio.wait_for(refused.wait(), 30)
    other.close()
    await process.stop(STOP)
    assert states(database) == [State.SENT]
