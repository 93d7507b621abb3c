"""Updates posted to several addresses: to any of them in turn, or to every one."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.fake_telegram import FakeTelegram, PostMode

NOBODY = "http://127.0.0.1:1/"


class Address:
    """An HTTP server that answers every update with `status`."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.took: list[int] = []
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)

    async def start(self) -> None:
        """Listen on localhost."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        self.took.append(json.loads(await request.read())["update_id"])
        return web.Response(status=self.status)


class Telegram(FakeTelegram):
    """A fake whose webhook is set by the test."""

    async def set_webhook(self) -> None:
        """Set an address at which nobody listens: updates go where the test says."""
        url = f"{self.url}/bot{self.token}/setWebhook"
        async with aiohttp.ClientSession() as session, session.post(url, json={"url": NOBODY}) as response:
            assert response.ok

    def to(self, mode: PostMode, *addresses: str) -> None:
        """Post to these addresses."""
        self.queue.poster.addresses, self.queue.poster.mode = addresses, mode


@pytest.fixture
async def fake() -> AsyncIterator[Telegram]:
    made = Telegram()
    await made.start()
    await made.set_webhook()
    yield made
    await made.stop()


@pytest.fixture
async def addresses() -> AsyncIterator[list[Address]]:
    both = [Address(), Address()]
    for address in both:
        await address.start()
    yield both
    for address in both:
        await address.stop()


def writes(fake: Telegram, count: int) -> list[int]:
    return [fake.person(user_id, "Anna").writes("cześć") for user_id in range(1, count + 1)]


async def until_done(fake: Telegram) -> None:
    async with aiohttp.ClientSession() as session:
        while fake.queue.pending:  # each call lets the posts go on
            async with session.post(f"{fake.url}/bot{fake.token}/getMe") as response:
                assert response.ok


async def test_any_takes_turns(fake: Telegram, addresses: list[Address]) -> None:
    fake.to(PostMode.ANY, *(address.url for address in addresses))
    updates = writes(fake, 10)
    await until_done(fake)
    assert [len(address.took) for address in addresses] == [5, 5]
    assert sorted(addresses[0].took + addresses[1].took) == updates


async def test_any_goes_on_to_another_when_one_refuses(fake: Telegram, addresses: list[Address]) -> None:
    refusing, taking = addresses
    refusing.status = 503
    fake.to(PostMode.ANY, NOBODY, refusing.url, taking.url)
    updates = writes(fake, 6)
    await until_done(fake)
    assert sorted(taking.took) == updates
    assert refusing.took


async def test_every_address_gets_each_update(fake: Telegram, addresses: list[Address]) -> None:
    fake.to(PostMode.EVERY, *(address.url for address in addresses))
    updates = writes(fake, 5)
    await until_done(fake)
    await fake.stop()
    assert all(set(address.took) <= set(updates) for address in addresses)
    assert {update for address in addresses for update in address.took} == set(updates)


async def test_every_is_done_once_one_has_taken_it(fake: Telegram, addresses: list[Address]) -> None:
    refusing, taking = addresses
    refusing.status = 500
    fake.to(PostMode.EVERY, refusing.url, NOBODY, taking.url)
    updates = writes(fake, 5)
    await until_done(fake)
    assert sorted(taking.took) == updates
    assert len(refusing.took) <= len(updates)


async def test_one_chats_updates_come_in_order(fake: Telegram, addresses: list[Address]) -> None:
    fake.to(PostMode.ANY, *(address.url for address in addresses))
    anna = fake.person()
    updates = [anna.writes(str(number)) for number in range(6)]
    await until_done(fake)
    assert [update for update, _ in fake.queue.posted] == updates
