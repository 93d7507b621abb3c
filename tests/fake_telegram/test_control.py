"""What is asked of the fake over HTTP, and its answers when a limit is met."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fake_telegram import FakeTelegram, Limits
from tests.fake_telegram.control import Control
from tests.fake_telegram.harness import fake_telegram

Json = dict[str, Any]


class Caller:
    """Calls the fake as a bot and as a benchmark."""

    def __init__(self, fake: FakeTelegram, session: aiohttp.ClientSession) -> None:
        self._fake, self._session = fake, session

    async def sends(self, chat: int, text: str = "Zebranie") -> Json:
        """Send a message and return the Bot API's answer."""
        url = f"{self._fake.url}/bot{self._fake.token}/sendMessage"
        return await self._post(url, {"chat_id": chat, "text": text})

    async def asks(self, path: str, body: Json) -> Json:
        """Have something done and return the answer."""
        return await self._post(f"{self._fake.url}{path}", body)

    async def reads(self, path: str) -> Json:
        """Return a report."""
        async with self._session.get(f"{self._fake.url}{path}") as response:
            report: Json = await response.json()
            return report

    async def _post(self, url: str, body: Json) -> Json:
        async with self._session.post(url, json=body) as response:
            answer: Json = await response.json()
            return answer


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        Control(running)
        yield running


@pytest.fixture
async def caller(fake: FakeTelegram) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(fake, session)


async def test_a_429_has_the_shape_of_telegrams(fake: FakeTelegram, caller: Caller) -> None:
    fake.throttle.apply(Limits(per_chat_seconds=60.0, per_chat_burst=1))
    anna = fake.person()
    assert (await caller.sends(anna.id))["ok"]
    assert await caller.sends(anna.id) == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 60",
        "parameters": {"retry_after": 60},
    }
    assert len(anna.sent) == 1


async def test_people_exist_at_once_and_each_writes_start(fake: FakeTelegram, caller: Caller) -> None:
    await caller.asks("/people", {"count": 3, "first": 50})
    assert [(await caller.sends(chat))["ok"] for chat in (50, 51, 52, 53)] == [True, True, True, False]
    await fake.until(lambda: len(fake.queue.pending) == 3)
    assert {update["message"]["text"] for update in fake.queue.pending} == {"/start"}


async def test_people_may_be_silent_and_what_every_chat_shows_is_told(
    fake: FakeTelegram, caller: Caller
) -> None:
    await caller.asks("/people", {"count": 2, "first": 50, "silent": True})
    await caller.sends(51, "Zebranie")
    assert await caller.reads("/sent") == {
        "50": [["Będziesz?", 0]],
        "51": [["Będziesz?", 0], ["Zebranie", 0]],
    }
    assert not fake.queue.pending


async def test_a_broadcast_is_judged(caller: Caller) -> None:
    await caller.asks("/people", {"count": 4, "first": 50})
    await caller.asks("/blocked", {"ids": [53]})
    await caller.asks("/judge", {"marker": "Zebranie"})
    for chat in (50, 50, 51, 53):
        await caller.sends(chat)
    found = (await caller.reads("/judge?wait=0.01"))["broadcast"]
    assert (found["sent"], found["duplicates"], found["missing"]) == (3, 1, 1)
    await caller.sends(52)
    assert (await caller.reads("/judge?wait=10"))["broadcast"]["missing"] == 0


async def test_a_broadcast_is_nobodys_reply(fake: FakeTelegram, caller: Caller) -> None:
    await caller.asks("/judge", {"marker": "Zebranie"})
    replied: list[int] = []
    fake.on_reply = replied.append
    anna, bogdan = fake.person(1, "Anna"), fake.person(2, "Bogdan")
    await caller.sends(anna.id)
    await caller.sends(bogdan.id, "Dzień dobry")
    assert replied == [bogdan.id]


async def test_failures_come_as_often_as_asked_for(fake: FakeTelegram, caller: Caller) -> None:
    anna = fake.person()
    failure = {"method": "sendMessage", "times": 2, "status": 500, "description": "Internal Server Error"}
    await caller.asks("/fail", failure)
    assert [(await caller.sends(anna.id)).get("error_code") for _ in range(3)] == [500, 500, None]
    await caller.asks("/fail", failure)
    await caller.asks("/fail", {"method": "sendMessage", "times": 0})
    assert (await caller.sends(anna.id))["ok"]


@pytest.mark.parametrize(("scope", "others"), [("token", 429), ("chat", None)])
async def test_a_429_by_request_is_waited_for_too(
    fake: FakeTelegram, caller: Caller, scope: str, others: int | None
) -> None:
    anna, bogdan = fake.person(1, "Anna"), fake.person(2, "Bogdan")
    limit = {"status": 429, "description": "Too Many Requests", "parameters": {"retry_after": 60}}
    await caller.asks("/fail", {"method": "sendMessage", **limit, "scope": scope})
    assert (await caller.sends(anna.id))["error_code"] == 429
    assert (await caller.sends(anna.id))["error_code"] == 429
    assert (await caller.sends(bogdan.id)).get("error_code") == others
    told = await caller.reads("/judge")
    assert told["broken_waits"] == (2 if others else 1)


async def test_limits_are_switched_on_and_off(fake: FakeTelegram, caller: Caller) -> None:
    anna = fake.person()
    await caller.asks("/limits", {"per_chat_seconds": 60.0, "per_chat_burst": 1})
    assert [(await caller.sends(anna.id))["ok"] for _ in range(2)] == [True, False]
    assert (await caller.reads("/judge"))["too_many_requests"] == 1
    await caller.asks("/judge", {})
    assert (await caller.reads("/judge"))["too_many_requests"] == 0


async def test_an_unknown_path_is_refused(caller: Caller) -> None:
    assert await caller.reads("/nothing") == {"error": "there is no such path"}
