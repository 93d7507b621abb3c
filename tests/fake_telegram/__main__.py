"""The fake as a process of its own, for benchmarks: `python -m tests.fake_telegram --port 8081`."""

import argparse
import asyncio

import uvloop

from tests.fake_telegram.control import Control
from tests.fake_telegram.limits import Limits
from tests.fake_telegram.posting import PostMode
from tests.fake_telegram.server import TOKEN, FakeTelegram


async def serve(fake: FakeTelegram, port: int) -> None:
    """Serve until the process is ended; prints the address once it listens."""
    Control(fake)
    await fake.start(port)
    print(fake.url, flush=True)  # noqa: T201 - the caller waits for it
    await asyncio.Event().wait()


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    made = argparse.ArgumentParser(description="A fake Bot API server; control.py tells what else it does.")
    made.add_argument("--port", type=int, default=0)
    made.add_argument("--token", default=TOKEN)
    made.add_argument("--per-second", type=int, default=0, help="sends for the whole token; 0: no limit")
    made.add_argument(
        "--per-chat-seconds", type=float, default=0.0, help="one send to a private chat in so many"
    )
    made.add_argument(
        "--per-chat-burst", type=int, default=Limits.per_chat_burst, help="after so many at once"
    )
    made.add_argument("--per-group-minute", type=int, default=0, help="sends to a group in a minute")
    made.add_argument("--post-to", nargs="+", default=(), help="addresses, instead of the webhook's own")
    made.add_argument("--post-mode", type=PostMode, choices=list(PostMode), default=PostMode.ANY)
    return made


def main() -> None:
    """Read the arguments and serve."""
    chosen = parser().parse_args()
    limits = Limits(
        chosen.per_second, chosen.per_chat_seconds, chosen.per_chat_burst, chosen.per_group_minute
    )
    fake = FakeTelegram(
        chosen.token, record=False, limits=limits, post_to=chosen.post_to, post_mode=chosen.post_mode
    )
    uvloop.run(serve(fake, chosen.port))


if __name__ == "__main__":
    main()
