"""How soon an answer leaves while a hundred thousand pushes wait, through the program's sender and pacer."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from functools import partial

import uvloop

from storage import deliveries
from storage.database import Database
from storage.deliveries import Target
from tests.bench.filling import CHANNEL, pushes, utc_now
from tests.bench.letterbox import Letterbox
from tests.bench.report import Figure, at_most
from tests.bench.stores import Kind
from tests.bench.timing import percentile
from tests.bot.machine import Process, body

PENDING = 100_000
PER_SECOND = 30
REPLIES, SECONDS = 120, 30.0


def measure_replies(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        with kind.database(pushes(PENDING)) as database:
            stored, left = uvloop.run(_reply(database))
        for what, times, latest in (
            ("reply behind 100,000 pushes at 30/s: until it leaves, p99", left, 50),
            ("  its transaction, p99", stored, 25),
        ):
            beside = f"median {percentile(times, 50):.1f} ms, worst {percentile(times, 100):.1f} ms"
            yield Figure(percentile(times, 99), "ms", at_most(latest), beside).line(what, kind.name)


async def _reply(database: Database) -> tuple[list[float], list[float]]:
    """Answer at odd times; return the seconds that storing each answer took, and from then to its leaving."""
    box = Letterbox(PER_SECOND)
    process = Process(database, box)
    await process.start()
    await box.has_taken(PER_SECOND)
    stored, handed_in = list[float](), dict[int, float]()
    odd = random.Random(1)
    for number in range(REPLIES):
        await asyncio.sleep(2 * odd.random() * SECONDS / REPLIES)
        began = time.perf_counter()
        due = await process.store.write(
            partial(
                deliveries.add_reply,
                target=Target(CHANNEL, f"asker {number}", 1),
                body=body("Dzień dobry"),
                birth=process.outbox.birth(CHANNEL, f"asker {number}"),
                now=utc_now(),
            )
        )
        if due.owner is None:
            raise AssertionError("an answer was not born in the hands of the only process")
        handed_in[due.id] = time.perf_counter()
        stored.append(handed_in[due.id] - began)
        process.outbox.send_now([due])
    await box.has_taken(PER_SECOND)
    await process.stop()
    return stored, [box.taken[one] - at for one, at in handed_in.items()]
