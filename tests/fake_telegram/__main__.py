"""The fake as a process of its own, for benchmarks: `python -m tests.fake_telegram --port 8081`."""

import argparse
import asyncio

import uvloop

from tests.fake_telegram.load import Load
from tests.fake_telegram.server import TOKEN, FakeTelegram


async def serve(port: int, token: str) -> None:
    """Serve until the process is ended; prints the address once it listens."""
    fake = FakeTelegram(token, record=False)
    Load(fake)
    await fake.start(port)
    print(fake.url, flush=True)  # noqa: T201 - the caller waits for it
    await asyncio.Event().wait()


def main() -> None:
    """Read the arguments and serve."""
    arguments = argparse.ArgumentParser(description="A fake Bot API server; see load.py for its /load.")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--token", default=TOKEN)
    chosen = arguments.parse_args()
    uvloop.run(serve(chosen.port, chosen.token))


if __name__ == "__main__":
    main()
