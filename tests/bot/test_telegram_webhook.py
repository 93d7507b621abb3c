"""The webhook over real HTTP, served by uvicorn: who may post, and what each answer means."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.channels.telegram import patience
from handlers.dialogue.message import Incoming
from tests.fake_telegram import FakeTelegram
from tests.fake_telegram.harness import SECRET, Inbox, by_webhook, fake_telegram, parcel

UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1,
        "text": "cześć",
        "from": {"id": 77, "is_bot": False, "first_name": "Anna"},
        "chat": {"id": 77, "type": "private", "first_name": "Anna"},
    },
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


@pytest.fixture
def inbox(fake: FakeTelegram) -> Inbox:
    return Inbox(fake)


async def post(fake: FakeTelegram, body: bytes, secret: str | None = SECRET) -> int:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    url = fake.called("setWebhook")[0]["url"]
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


async def test_a_person_writes_and_is_answered(fake: FakeTelegram, inbox: Inbox) -> None:
    anna = fake.person()
    async with by_webhook(fake, inbox) as channel:
        anna.writes("cześć")
        await fake.until(lambda: len(inbox.handled) == 1)
        await channel.send(parcel(anna.id, "Dzień dobry", ("Będę", "/rsvp 1 yes")))
        anna.presses(await anna.hears(), "Będę")
        await fake.until(lambda: len(inbox.handled) == 2 and not fake.open_queries)
        await fake.until(lambda: not fake.queue.pending)
    assert [incoming.pressed for incoming in inbox.handled] == [None, "/rsvp 1 yes"]


async def test_telegram_is_told_the_address_the_secret_and_what_to_send(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    async with by_webhook(fake, inbox):
        pass
    (told,) = fake.called("setWebhook")
    assert told.pop("url").endswith("/telegram/hook")
    assert told == {
        "secret_token": SECRET,
        "max_connections": 40,
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
    }
    assert not fake.called("getUpdates")


@pytest.mark.parametrize(
    ("body", "secret", "status"),
    [
        (json.dumps(UPDATE).encode(), SECRET, 200),
        (json.dumps(UPDATE).encode(), "another", 403),
        (json.dumps(UPDATE).encode(), None, 403),
        (b"{", None, 403),
        (b"{", SECRET, 400),
        (b"\xff\xfe", SECRET, 400),
        (b"[]", SECRET, 400),
        (b'{"update_id": "5"}', SECRET, 400),
        (b" " * 1_000_001, SECRET, 413),
        (b'{"update_id": 5, "something_new": {}}', SECRET, 200),
    ],
)
async def test_what_is_let_in(
    fake: FakeTelegram, inbox: Inbox, body: bytes, secret: str, status: int
) -> None:
    async with by_webhook(fake, inbox):
        assert await post(fake, body, secret) == status
    assert len(inbox.handled) == (1 if body == json.dumps(UPDATE).encode() and status == 200 else 0)


async def test_it_is_answered_only_after_it_was_handled(fake: FakeTelegram, inbox: Inbox) -> None:
    release = asyncio.Event()

    async def hold(_: Incoming) -> None:
        await release.wait()

    inbox.handle = hold
    async with by_webhook(fake, inbox):
        fake.person().writes("cześć")
        await fake.until(lambda: len(inbox.begun) == 1)
        assert fake.queue.posted == []
        release.set()
        await fake.until(lambda: len(inbox.handled) == 1)
    assert [status for _, status in fake.queue.posted] in ([200], [])


async def test_what_failed_is_refused_and_comes_again(fake: FakeTelegram, inbox: Inbox) -> None:
    async def fail_once(_: Incoming) -> None:
        if len(inbox.begun) == 1:
            raise ConnectionError("the store is away")

    inbox.handle = fail_once
    async with by_webhook(fake, inbox):
        update = fake.person().writes("cześć")
        await fake.until(lambda: len(inbox.handled) == 1)
        assert fake.queue.posted[0] == (update, 500)
    assert [incoming.event_id for incoming in inbox.begun] == [str(update)] * 2


async def test_what_always_fails_is_given_up(
    fake: FakeTelegram, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "TRIES_WHEN_NOTHING_WORKS", 3)

    async def fail(_: Incoming) -> None:
        raise ValueError("cannot be handled")

    inbox.handle = fail
    async with by_webhook(fake, inbox):
        statuses = [await post(fake, json.dumps(UPDATE).encode()) for _ in range(3)]
    assert statuses == [500, 500, 200]


async def test_a_stop_finishes_what_is_inside_and_lets_nothing_more_in(
    fake: FakeTelegram, inbox: Inbox
) -> None:
    release = asyncio.Event()

    async def hold(_: Incoming) -> None:
        await release.wait()

    inbox.handle = hold
    async with by_webhook(fake, inbox) as channel:
        first = asyncio.create_task(post(fake, json.dumps(UPDATE).encode()))
        await fake.until(lambda: len(inbox.begun) == 1)
        stopping = asyncio.create_task(channel.stop())
        await asyncio.sleep(0)
        assert await post(fake, json.dumps({**UPDATE, "update_id": 6}).encode()) == 503
        assert not stopping.done()
        release.set()
        await stopping
        assert await first == 200
    assert len(inbox.begun) == 1
