"""How many sends a second the fake Telegram takes, and their cost: `python -m tests.bench.sends`.

It should cost so little that, beside it, the bot is what is measured.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable

import aiohttp
import uvloop
from yarl import URL

from tests.bench.programs import TOKEN, Fake, fake_telegram

SENDS, CHATS, AT_ONCE, ROUNDS, FIRST = 10_000, 1_000, 32, 3, 1_000_000
TEXT = "<b>Rada Klastra</b> w czwartek o 17:00 w Ratuszu; woda &amp; odpady. " * 5
BUTTONS = [[{"text": "Będę", "callback_data": "/rsvp 1 yes"}, {"text": "Nie", "callback_data": "/rsvp 1 no"}]]
LIMITS = {"per_second": 1_000_000, "per_chat_seconds": 1e-6, "per_group_minute": 20}
"""So high that nothing is refused: what it costs to watch them is measured."""


def main() -> None:
    """Measure and print."""
    with fake_telegram() as fake:
        fake.post("/people", {"count": CHATS, "first": FIRST})
        fake.post("/limits", LIMITS)
        for _ in range(ROUNDS):
            fake.post("/judge", {"marker": "Rada Klastra"})
            before, began = fake.process.cpu(), time.perf_counter()
            uvloop.run(send_all(fake))
            spent, cpu = time.perf_counter() - began, fake.process.cpu() - before
            line = f"{SENDS / spent:.0f} sends/s, {cpu * 1_000 / SENDS:.3f} ms of CPU each"
            sys.stdout.write(f"{line}; {fake.get('/judge')['most_in_a_second']} in the busiest second\n")


async def send_all(fake: Fake) -> None:
    """Send over many connections at once, with nothing but an HTTP client."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        address = URL(f"{fake.url}/bot{TOKEN}/sendMessage")
        numbers = iter(range(SENDS))
        await asyncio.gather(*(_send(session, address, numbers) for _ in range(AT_ONCE)))


async def _send(session: aiohttp.ClientSession, address: URL, numbers: Iterable[int]) -> None:
    for number in numbers:
        body = {"chat_id": FIRST + number % CHATS, "text": TEXT, "parse_mode": "HTML"}
        markup = {"reply_markup": {"inline_keyboard": BUTTONS}}
        async with session.post(address, data=json.dumps(body | markup).encode()) as response:
            await response.read()
            response.raise_for_status()


if __name__ == "__main__":
    main()
