"""The Telegram channel against strange updates, and its log against people's words."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from telegram.error import TelegramError

from bot.channels.telegram import patience
from bot.channels.telegram.request import AiohttpRequest
from handlers.dialogue.message import Incoming
from tests.bot.test_telegram_webhook import UPDATE, post
from tests.fake_telegram import FakeTelegram
from tests.fake_telegram.harness import SECRET, Inbox, by_webhook, fake_telegram, polling

WORDS = "moje zdrowie"
MESSAGE: Any = UPDATE["message"]


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


@pytest.fixture
def inbox(fake: FakeTelegram) -> Inbox:
    return Inbox(fake)


async def fail(incoming: Incoming) -> None:
    """Fail with an error that quotes what was said."""
    raise ValueError(f"cannot handle {incoming.text}")


# ---- the log -----------------------------------------------------------------------------------------------


async def test_a_failure_behind_the_webhook_logs_no_words(
    fake: FakeTelegram, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    inbox.handle = fail
    update = UPDATE | {"message": MESSAGE | {"text": WORDS}}
    async with by_webhook(fake, inbox):
        assert await post(fake, json.dumps(update).encode()) == 500
    assert "update 5 could not be handled: ValueError" in caplog.text
    assert WORDS not in caplog.text


async def test_a_failure_while_polling_logs_no_words(
    fake: FakeTelegram, inbox: Inbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(patience, "TRIES_WHEN_NOTHING_WORKS", 1)
    inbox.handle = fail
    async with polling(fake, inbox):
        fake.person().writes(WORDS)
        await fake.until(lambda: "is skipped" in caplog.text)
    assert "could not be handled: ValueError" in caplog.text
    assert WORDS not in caplog.text


@pytest.mark.parametrize("payload", [f'{{"result": [{{"text": "{WORDS}"', "[" * 100_000, "\xff"])
def test_an_answer_that_is_no_json_is_not_quoted(payload: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TelegramError) as raised:
        AiohttpRequest.parse_json_payload(payload.encode("latin-1"))
    assert WORDS not in caplog.text + str(raised.value)


# ---- the webhook -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", SECRET[:-1], SECRET + "a", SECRET.upper(), f" {SECRET}x", "\xff"])
async def test_only_the_whole_secret_opens(fake: FakeTelegram, inbox: Inbox, secret: str) -> None:
    async with by_webhook(fake, inbox):
        assert await post(fake, json.dumps(UPDATE).encode(), secret) == 403
    assert inbox.begun == []


async def test_the_secret_in_the_address_opens_nothing(fake: FakeTelegram, inbox: Inbox) -> None:
    async with by_webhook(fake, inbox), aiohttp.ClientSession() as session:
        url = fake.called("setWebhook")[0]["url"]
        async with session.post(f"{url}?secret_token={SECRET}", json=UPDATE) as response:
            assert response.status == 403
        async with session.get(url, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}) as response:
            assert response.status == 405
    assert inbox.begun == []


@pytest.mark.parametrize("body", ["[" * 400_000, '{"update_id": ' + "9" * 5_000 + "}", "null", ""])
async def test_a_bomb_of_json_is_refused(fake: FakeTelegram, inbox: Inbox, body: str) -> None:
    async with by_webhook(fake, inbox):
        assert await post(fake, body.encode()) == 400
        assert await post(fake, json.dumps(UPDATE).encode()) == 200
    assert len(inbox.handled) == 1


STRANGE: tuple[dict[str, object], ...] = (
    {"message": None},
    {"message": {}},
    {"message": 7},
    {"message": []},
    {"message": {"message_id": "x", "date": "y", "chat": {}}},
    {"message": MESSAGE | {"from": None}},
    {"message": MESSAGE | {"from": {"id": 77}}},
    {"message": MESSAGE | {"text": {"a": 1}}},
    {"message": MESSAGE | {"entities": [{"type": "bold", "offset": -5, "length": 10**9}]}},
    {"message": MESSAGE | {"chat": {"id": 77, "type": "channel"}}},
    {"callback_query": {"id": "1"}},
    {"callback_query": {"id": "1", "from": {"id": 1, "is_bot": False, "first_name": "a"}, "data": "x"}},
    {"my_chat_member": {}},
    {"edited_message": {"text": "x"}},
)


@pytest.mark.parametrize("strange", STRANGE)
async def test_a_strange_update_is_put_away_and_the_next_is_read(
    fake: FakeTelegram, inbox: Inbox, strange: dict[str, object]
) -> None:
    async with by_webhook(fake, inbox):
        assert await post(fake, json.dumps({"update_id": 4} | strange).encode()) == 200
        assert await post(fake, json.dumps(UPDATE).encode()) == 200
    assert inbox.handled[-1].event_id == "5"
