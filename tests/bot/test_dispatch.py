"""One incoming message is one transaction, whatever happens in it."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import pytest
from markupsafe import Markup

from bot.dispatch import PAUSE, TALK, Dispatcher, Handling
from handlers.dialogue.command import Command
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Incoming, Kind, Option
from handlers.dialogue.router import Router
from storage import people
from storage.conversations import Conversation
from storage.database import StoreUnavailable
from storage.deliveries import Birth, Delivery, State
from storage.people import Account, Person
from tests.bot.machine import Post, Process, add_person, add_push, rows, states
from tests.stores import beside
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

SECRET = "tajne-slowo"


def count_up(ctx: Context, _arguments: str) -> None:
    """Have an effect that shows when it happens twice."""
    ctx.person.name = str(int(ctx.person.name) + 1)
    ctx.reply(Markup("{}").format(ctx.person.name), Option("Again", "/count"))


def break_down(ctx: Context, arguments: str) -> None:
    """Do half of something and fail."""
    count_up(ctx, "")
    ctx.session.flush()
    raise ValueError(f"the text was {arguments}")


def refuse(ctx: Context, _arguments: str) -> None:
    """Do half of something and find that it cannot be done."""
    count_up(ctx, "")
    ctx.session.flush()
    raise UserError(Markup("That cannot be <b>done</b>."), Option("Count", "/count"))


def tell_first(ctx: Context, arguments: str) -> None:
    """Say something to the first person."""
    ctx.tell(ctx.session.get_one(Person, 1), lambda _t: Markup("{}").format(arguments))


def lose_store(_ctx: Context, _arguments: str) -> None:
    """Lose the connection in the middle."""
    raise StoreUnavailable("connection lost")


def commands() -> list[Command]:
    """Return the commands of a small bot."""
    named = {"count": count_up, "break": break_down, "refuse": refuse, "tell": tell_first, "lose": lose_store}
    return [Command(name, name, handle) for name, handle in named.items()]


@dataclass
class Bot:
    """A small bot over a real store."""

    house: House
    handling: Handling

    def say(self, text: str, sender: str = "7", event: str | None = None, **more: object) -> list[str]:
        """Hand in a message and return the texts of the answers."""
        incoming = replace(message(self.house, text, sender, event), **more)  # type: ignore[arg-type]
        return [plain(Markup(due.body["text"])) for due in self.handling.handle(incoming).answers]

    def number(self) -> str:
        """Return how far the first person has counted."""
        return self.house.database.read(lambda s: s.query(Person).order_by(Person.id).limit(1).one().name)


EVENTS = count(1)


def message(house: House, text: str, sender: str = "7", event: str | None = None) -> Incoming:
    """Return a message as a channel translates it."""
    return Incoming(
        channel="telegram",
        event_id=event or f"event {next(EVENTS)}",
        sender=sender,
        address=sender,
        received_at=house.now,
        text=text,
        name="0",
        language="pl",
    )


BIRTH = Birth(State.SENDING, "me:1")


@pytest.fixture
def bot(house: House) -> Bot:
    """Return a bot which counts, breaks down, refuses and echoes."""
    router = Router(commands(), (), lambda ctx, text: ctx.reply(Markup("echo {}").format(text)))
    return Bot(house, Handling(house.database, router, house.site, lambda _channel, _address: BIRTH))


def test_the_same_event_twice_is_one_effect_and_one_answer(bot: Bot) -> None:
    assert bot.say("/count", event="e") == ["1"]
    assert bot.say("/count", event="e") == []
    assert bot.number() == "1"
    assert len(rows(bot.house.database)) == 1
    assert bot.say("/count", event="e", channel="web") == ["1"]


def test_an_answer_is_stored_as_it_is_sent(bot: Bot) -> None:
    bot.say("/count")
    [row] = rows(bot.house.database)
    assert (row.state, row.owner, row.address, row.person_id) == (State.SENDING, "me:1", "7", 1)
    assert row.body == {"text": "1", "options": [["Again", "/count"]]}
    conversation = bot.house.database.read(lambda session: session.query(Conversation).one())
    assert conversation.offered == [["Again", "/count"]]


def test_what_breaks_down_is_told_with_a_number_and_logged_without_words(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot.say("/count")
    [answer] = bot.say(f"/break {SECRET}", event="e")
    assert "nic nie zostało zapisane" in answer
    number = re.findall(r"[0-9a-f]{8}", answer)[0]
    assert number in caplog.text
    assert "ValueError" in caplog.text
    assert "break_down" in caplog.text
    assert SECRET not in caplog.text
    assert "the text was" not in caplog.text
    assert bot.number() == "1"
    assert bot.say(f"/break {SECRET}", event="e") == []
    assert bot.say("/count") == ["2"]


def test_what_cannot_be_done_is_taken_back_and_explained(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    assert bot.say("/refuse") == ["That cannot be done."]
    assert bot.number() == "0"
    assert rows(bot.house.database)[0].body == {
        "text": "That cannot be <b>done</b>.",
        "options": [["Count", "/count"]],
    }
    assert bot.say("Count") == ["1"]
    assert caplog.text == ""


def test_what_the_store_lost_is_not_answered_but_comes_again(bot: Bot) -> None:
    with pytest.raises(StoreUnavailable):
        bot.say("/lose", event="e")
    assert rows(bot.house.database) == []
    assert bot.say("/count", event="e") == ["1"]


def test_who_writes_too_fast_is_asked_once_then_not_answered_then_answered_again(bot: Bot) -> None:
    for number in range(TALK.burst):
        assert bot.say(str(number)) == [f"echo {number}"]
    [asked] = bot.say("too much")
    assert "Za dużo wiadomości naraz" in asked
    assert [bot.say("and more") for _ in range(50)] == [[]] * 50
    assert bot.say("/count", sender="other") == ["1"]
    bot.house.now += PAUSE - timedelta(seconds=1)
    assert bot.say("too early") == []
    bot.house.now += timedelta(seconds=2)
    assert bot.say("on time") == ["echo on time"]


def test_who_writes_at_the_pace_is_always_answered(bot: Bot) -> None:
    for number in range(TALK.burst * 3):
        bot.house.now += TALK.interval
        assert bot.say(str(number)) == [f"echo {number}"]


def test_a_message_that_is_not_answered_does_nothing(bot: Bot) -> None:
    for _ in range(TALK.burst + 30):
        bot.say("/count")
    assert bot.number() == str(TALK.burst)


def test_a_closed_chat_gets_nothing_until_its_person_writes(bot: Bot) -> None:
    bot.say("/count")
    assert bot.say("", kind=Kind.CLOSED) == []
    assert bot.house.database.read(lambda session: people.get_open_accounts(session, [1])) == {}
    bot.say("/count")
    assert len(bot.house.database.read(lambda session: people.get_open_accounts(session, [1]))) == 1


def test_what_waits_for_a_closed_chat_is_due_at_once_on_the_persons_other_channel(bot: Bot) -> None:
    bot.say("/count")
    page = Account(channel="web", sender="page", address="page", person_id=1)
    bot.house.database.write(lambda session: session.add(page))
    assert not bot.handling.handle(replace(message(bot.house, ""), kind=Kind.CLOSED)).stirred
    bot.say("/count")
    add_push(bot.house.database, "7", "hello")
    assert bot.handling.handle(replace(message(bot.house, ""), kind=Kind.CLOSED)).stirred


def test_a_stranger_who_closes_a_chat_is_not_made_a_person(bot: Bot) -> None:
    bot.say("", kind=Kind.CLOSED)
    bot.say("", kind=Kind.MOVED, moved_to="8")
    assert bot.house.database.read(lambda session: session.query(Person).count()) == 0


def test_a_moved_chat_goes_on(bot: Bot) -> None:
    bot.say("/count", address="-1", private=False)
    bot.say("/count")
    bot.say("/count", address="-1", private=False)
    assert bot.say("", kind=Kind.MOVED, address="-1", moved_to="-2", private=False) == []
    addresses = bot.house.database.read(lambda s: {row.address for row in s.query(Conversation)})
    assert addresses == {"7", "-2"}
    assert bot.house.database.read(lambda session: session.query(Account).one().address) == "7"


@asynccontextmanager
async def running(bot: Bot, post: Post) -> AsyncIterator[Dispatcher]:
    """Run the machine round a bot."""
    process = Process(bot.house.database, post)
    router = Router(commands(), (), lambda ctx, text: ctx.reply(Markup("echo {}").format(text)))
    handling = Handling(bot.house.database, router, bot.house.site, process.outbox.birth)
    await process.start()
    try:
        yield Dispatcher(process.store, handling, process.outbox, process.signals)
    finally:
        await process.stop()


async def test_messages_that_come_at_once_all_have_their_effect(bot: Bot) -> None:
    post = Post()
    async with running(bot, post) as dispatcher:
        await asyncio.gather(*(dispatcher.receive(message(bot.house, "/count")) for _ in range(15)))
        numbers = await post.has_sent(15)
    assert sorted(numbers, key=int) == [str(number) for number in range(1, 16)]


@pytest.mark.stores("sqlite")
async def test_messages_that_come_at_once_are_handled_one_after_the_other(bot: Bot) -> None:
    post = Post()
    async with running(bot, post) as dispatcher:
        await asyncio.gather(*(dispatcher.receive(message(bot.house, "/count")) for _ in range(15)))
        assert await post.has_sent(15) == [str(number) for number in range(1, 16)]
    assert set(states(bot.house.database)) == {State.SENT}


async def test_what_is_told_to_somebody_else_is_sent_at_once(bot: Bot) -> None:
    add_person(bot.house.database, "first")
    post = Post()
    async with running(bot, post) as dispatcher:
        for _ in range(30):  # by then the sender has looked into the empty store and sleeps
            await dispatcher._store.read(lambda _session: None)
        await dispatcher.receive(message(bot.house, "/tell hello"))
        assert await post.has_sent(1) == ["hello"]
    assert post.sent[0].address == "first"


@pytest.mark.stores("sqlite")
async def test_what_could_not_be_stored_is_not_acknowledged_and_comes_again(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    post = Post()
    async with running(bot, post) as dispatcher:
        incoming = message(bot.house, "/count")
        bot.house.database.engine.dispose()  # connect anew, with the short patience
        other = beside(bot.house.database)
        # BEGIN IMMEDIATE: another process holds the only lock
        with other.engine.begin(), pytest.raises(StoreUnavailable):
            await dispatcher.receive(incoming)
        other.close()
        await dispatcher.receive(incoming)
        await dispatcher.receive(incoming)
        assert await post.has_sent(1) == ["1"]
    assert bot.house.database.read(lambda session: session.query(Delivery).count()) == 1
