"""A bare paced loop on aiohttp, which keeps no book: `python -m tests.bench.paced URL COUNT RATE`.

Sends the same message to so many people, so many a second, each on time whatever became of those before; at
the end it prints how many milliseconds of CPU one took and how many were refused.
"""

import asyncio
import json
import sys
import time
from http import HTTPStatus

import aiohttp
import uvloop
from yarl import URL

from tests.bench.filling import FIRST, TEXT
from tests.bench.programs import TOKEN

CONNECTIONS = 128


async def send_all(url: str, count: int, rate: float) -> int:
    """Send; return how many were not taken."""
    address = URL(f"{url}/bot{TOKEN}/sendMessage")
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        sending, began = list[asyncio.Task[int]](), time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
            sending.append(asyncio.create_task(_send(session, address, FIRST + number)))
        return sum(status != HTTPStatus.OK for status in await asyncio.gather(*sending))


async def _send(session: aiohttp.ClientSession, address: URL, chat: int) -> int:
    """Send one message and return the status of the answer."""
    body = json.dumps({"chat_id": chat, "text": TEXT, "parse_mode": "HTML"}).encode()
    async with session.post(address, data=body) as response:
        await response.read()
        return response.status


def main(url: str, count: str, rate: str) -> None:
    """Send and print."""
    before = time.process_time()
    refused = uvloop.run(send_all(url, int(count), float(rate)))
    cpu_ms = 1_000 * (time.process_time() - before) / int(count)
    sys.stdout.write(json.dumps({"cpu_ms": cpu_ms, "refused": refused}))


if __name__ == "__main__":
    main(*sys.argv[1:])
