"""The token and the webhook's secret stand in no log and no error, whatever happens."""

import logging
import traceback
from collections.abc import AsyncIterator

import pytest

from bot.channel import SendError
from bot.channels.telegram import Webhook
from bot.channels.telegram.api import Api
from tests.fake_telegram import Failure, FakeTelegram
from tests.fake_telegram.harness import (
    SECRET,
    Inbox,
    by_webhook,
    fake_telegram,
    make_channel,
    parcel,
    polling,
)

FAILURES = [
    Failure(400, "Bad Request: chat not found"),
    Failure(401, "Unauthorized"),
    Failure(403, "Forbidden: bot was blocked by the user"),
    Failure(404, "Not Found"),
    Failure(429, "Too Many Requests", {"retry_after": 1}),
    Failure(500, "Internal Server Error"),
    Failure(drop="before"),
    Failure(drop="after"),
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


async def error_of_sending(url: str, token: str) -> str:
    channel = make_channel(url, token)
    await channel._api.open()
    try:
        await channel.send(parcel(77))
    except SendError as error:
        return "".join(traceback.format_exception(error))
    finally:
        await channel.close()
    return ""


async def test_no_log_shows_the_token_or_the_secret(
    fake: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    inbox = Inbox(fake)
    fake.fails("getUpdates", Failure(drop="before"), Failure(409, "Conflict"))
    async with polling(fake, inbox) as channel:
        await channel.send(parcel(fake.person().id, "moje zdrowie"))
        fake.person().writes("moje zdrowie")
        await fake.until(lambda: len(inbox.handled) == 1)
    async with by_webhook(fake, inbox):
        pass
    told = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "fetching messages from Telegram fails" in told
    assert "moje zdrowie" not in told
    assert fake.token not in told
    assert fake.token.partition(":")[2] not in told
    assert SECRET not in told


@pytest.mark.parametrize("failure", FAILURES)
async def test_no_error_shows_the_token(
    fake: FakeTelegram, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.fails("sendMessage", failure)
    told = await error_of_sending(fake.url, fake.token) + caplog.text
    assert told
    assert fake.token not in told


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://name.invalid", "https://127.0.0.1:1", "nonsense"]
)
async def test_no_error_of_a_connection_shows_the_token(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = await error_of_sending(url, "123:secret-token") + caplog.text
    assert "NotSent" in told
    assert "secret-token" not in told


def test_nothing_shows_them_by_accident() -> None:
    assert "s3cret" not in repr(Webhook("https://x.pl/hook", "s3cret"))
    assert "secret-token" not in repr(Api("123:secret-token", "https://x.pl"))
