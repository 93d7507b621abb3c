"""Long polling over real HTTP: order, side by side, and nothing confirmed before it was handled."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.channels.telegram import patience
from handlers.dialogue.message import Incoming
from storage.database import StoreUnavailable
from tests.fake_telegram import Failure, FakeTelegram
from tests.fake_telegram.harness import Inbox, fake_telegram, make_channel, parcel, polling


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


@pytest.fixture
def inbox(fake: FakeTelegram) -> Inbox:
    return Inbox(fake)


def waiting(fake: FakeTelegram) -> list[int]:
    return [update["update_id"] for update in fake.queue.pending]


async def test_a_person_writes_is_answered_presses_and_sees_the_outcome(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    anna = fake.person(77, "Anna Nowak")
    async with polling(fake, inbox) as channel:
        anna.writes("Przyjdę?")
        await fake.until(lambda: len(inbox.handled) == 1)
        first = await channel.send(parcel(anna.id, "Będziesz?", ("Będę", "/rsvp 1 yes")))
        sent = await anna.hears()
        assert first == str(sent.message_id)
        anna.presses(sent, "Będę")
        await fake.until(lambda: len(inbox.handled) == 2 and not fake.open_queries)
        pressed = inbox.handled[1]
        assert (pressed.pressed, pressed.message_ref) == ("/rsvp 1 yes", first)
        assert await channel.send(parcel(anna.id, "Zapisane.", replaces=pressed.message_ref)) == first
    assert (anna.texts, sent.keyboard, sent.edits) == (["Zapisane."], [], 1)


async def test_it_deletes_the_webhook_sets_the_menus_and_asks_for_what_it_translates(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    async with polling(fake, inbox):
        await fake.until(lambda: bool(fake.called("getUpdates")))
    methods = [call.method for call in fake.calls]
    assert methods.index("deleteWebhook") < methods.index("getUpdates")
    assert fake.called("getUpdates")[0] == {
        "offset": 0,
        "timeout": 30,
        "limit": 100,
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
    }
    assert fake.menus == {
        ("default", ""): [{"command": "start", "description": "Początek"}],
        ("default", "en"): [{"command": "start", "description": "Beginning"}],
    }


async def test_an_update_is_confirmed_only_after_it_was_handled(fake: FakeTelegram, inbox: Inbox) -> None:
    release = asyncio.Event()
    inbox.handle = lambda _: _wait(release)
    async with polling(fake, inbox):
        update = fake.person().writes("cześć")
        # Several polls pass while it is in hand.
        await fake.until(lambda: len(inbox.begun) == 1)
        polls = len(fake.called("getUpdates"))
        await fake.until(lambda: len(fake.called("getUpdates")) >= polls + 2)
        assert waiting(fake) == [update]
        release.set()
        await fake.until(lambda: waiting(fake) == [])
    assert len(inbox.begun) == 1


async def test_an_update_that_failed_is_not_confirmed_and_comes_again_after_a_restart(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    inbox.handle = _fail
    async with polling(fake, inbox):
        update = fake.person().writes("cześć")
        await fake.until(lambda: len(inbox.begun) == 1)
    assert waiting(fake) == [update]
    inbox.handle = None
    async with polling(fake, inbox):
        await fake.until(lambda: len(inbox.handled) == 1)
    assert inbox.handled[0].event_id == str(update)
    assert waiting(fake) == []


async def test_an_update_that_failed_is_tried_again(fake: FakeTelegram, inbox: Inbox) -> None:
    failed: list[str] = []

    async def fail_once(incoming: Incoming) -> None:
        if not failed:
            failed.append(incoming.event_id)
            raise ConnectionError("the store is away")

    inbox.handle = fail_once
    async with polling(fake, inbox):
        fake.person().writes("cześć")
        await fake.until(lambda: len(inbox.handled) == 1)
    assert failed == [inbox.handled[0].event_id]


async def test_a_stop_finishes_what_is_in_hand_and_leaves_the_rest_for_later(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    release = asyncio.Event()
    inbox.handle = lambda _: _wait(release)
    channel = make_channel(fake.url, fake.token)
    await channel.start(inbox.receive)
    anna = fake.person()
    anna.writes("pierwsza")
    second = anna.writes("druga")
    await fake.until(lambda: len(inbox.begun) == 1)
    stopping = asyncio.create_task(channel.stop())
    release.set()
    await stopping
    assert await channel.send(parcel(anna.id, "jeszcze piszę")) is not None
    await channel.close()
    assert (inbox.texts(), waiting(fake)) == (["pierwsza"], [second])


async def test_different_people_side_by_side_one_person_in_order(fake: FakeTelegram, inbox: Inbox) -> None:
    anna, bogdan = fake.person(1, "Anna"), fake.person(2, "Bogdan")
    release = asyncio.Event()

    async def hold_anna(incoming: Incoming) -> None:
        if incoming.sender == "1":
            await _wait(release)

    inbox.handle = hold_anna
    async with polling(fake, inbox):
        anna.writes("a1")
        anna.writes("a2")
        bogdan.writes("b1")
        await fake.until(lambda: inbox.texts() == ["b1"])
        # A later fetch still brings others' updates, although Anna's first cannot be confirmed.
        bogdan.writes("b2")
        await fake.until(lambda: inbox.texts() == ["b1", "b2"])
        assert [incoming.text for incoming in inbox.begun if incoming.sender == "1"] == ["a1"]
        release.set()
        await fake.until(lambda: len(inbox.handled) == 4)
    assert inbox.texts() == ["b1", "b2", "a1", "a2"]


async def test_a_thousand_updates_are_each_handled_once_and_in_order(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    inbox.handle = lambda _: asyncio.sleep(0)
    people = [fake.person(user_id, f"Osoba {user_id}") for user_id in range(1, 41)]
    for number in range(25):
        for person in people:
            person.writes(str(number))
    async with polling(fake, inbox):
        await fake.until(lambda: len(inbox.handled) >= 1000)
    assert waiting(fake) == []
    for person in people:
        heard = [incoming.text for incoming in inbox.begun if incoming.sender == str(person.id)]
        assert heard == [str(number) for number in range(25)]


async def test_an_update_that_always_fails_is_skipped_once_others_get_through(
    fake: FakeTelegram, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.0)
    working = asyncio.Event()

    async def fail_on_poison(incoming: Incoming) -> None:
        if incoming.text == "trucizna":
            await working.wait()
            raise ValueError("cannot be handled")

    inbox.handle = fail_on_poison
    anna, bogdan = fake.person(1, "Anna"), fake.person(2, "Bogdan")
    async with polling(fake, inbox):
        poison = anna.writes("trucizna")
        await fake.until(lambda: len(inbox.begun) == 1)
        anna.writes("a2")
        working.set()
        bogdan.writes("b1")
        await fake.until(lambda: {"a2", "b1"} <= set(inbox.texts()))
    assert f"update {poison} is skipped" in caplog.text
    assert waiting(fake) == []


async def test_nothing_is_skipped_while_the_store_does_not_answer(
    fake: FakeTelegram, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AWAY_PAUSE", 0.0)
    tries = 2 * patience.TRIES_WHEN_NOTHING_WORKS

    async def be_away(_: Incoming) -> None:
        if len(inbox.begun) <= tries:
            raise StoreUnavailable("away")

    inbox.handle = be_away
    async with polling(fake, inbox):
        fake.person().writes("Będę")
        await fake.until(lambda: inbox.texts() == ["Będę"])
    assert waiting(fake) == []


def test_patience_counts_few_tries_while_others_work_and_many_while_nothing_does() -> None:
    alone, among = patience.Patience(), patience.Patience()
    error = ValueError()
    among.failed(1, error)
    among.worked(2)
    assert [among.failed(1, error) for _ in range(patience.TRIES - 1)] == [1.0, 2.0, 4.0, None]
    pauses = [alone.failed(1, error) for _ in range(patience.TRIES_WHEN_NOTHING_WORKS)]
    assert (pauses[0], pauses[-2], pauses[-1]) == (0.5, 30.0, None)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (Failure(409, "Conflict: terminated by other getUpdates request"), "another program fetches"),
        (Failure(401, "Unauthorized"), "set TELEGRAM_TOKEN"),
        (Failure(502, "Bad Gateway"), "Telegram is in trouble (502)"),
        (Failure(drop="before"), "no answer from Telegram"),
    ],
)
async def test_trouble_with_fetching_is_one_clear_sentence(
    fake: FakeTelegram, inbox: Inbox, failure: Failure, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fails("getUpdates", failure)
    async with polling(fake, inbox) as channel:
        await fake.until(lambda: bool(fake.called("getUpdates")))
        async with asyncio.timeout(10):
            while sentence not in caplog.text:
                await channel.check()  # a round trip of its own
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [sentence in record.getMessage() for record in told] == [True]
    assert all(record.exc_info is None for record in told)


async def test_fetching_goes_on_after_trouble(fake: FakeTelegram, inbox: Inbox) -> None:
    fake.fails("getUpdates", Failure(429, "Too Many Requests", {"retry_after": 0.01}), Failure(drop="after"))
    fake.person().writes("cześć")
    async with polling(fake, inbox):
        await fake.until(lambda: len(inbox.handled) == 1)


async def test_a_telegram_out_of_reach_at_the_start_holds_up_nothing(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    fake.fails("getMe", Failure(502, "Bad Gateway"))
    fake.person().writes("cześć")
    async with polling(fake, inbox):
        await fake.until(lambda: len(inbox.handled) == 1)


async def test_an_update_that_cannot_be_read_is_passed_over(fake: FakeTelegram, inbox: Inbox) -> None:
    fake.update(message={"message_id": 1, "chat": {}})
    fake.person().writes("cześć")
    async with polling(fake, inbox):
        await fake.until(lambda: len(inbox.handled) == 1)
    assert waiting(fake) == []


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _fail(_: Incoming) -> None:
    raise ConnectionError("the store is away")
