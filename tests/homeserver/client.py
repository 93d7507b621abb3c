"""The process behind a member: commands go to client.mjs, what others do comes from it."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.homeserver.event import Event, Json

Found = TypeVar("Found")

FOLDER = Path(__file__).parent
NODE = "node"
LINE = 64 * 1024**2
"""Bytes that a line may have: files come in one."""
PATIENCE = 30
"""Seconds in which a command is to be done, and something that is waited for is to come."""


class ClientError(Exception):
    """A command failed; `answer` is what the server said, with its `status`, if it was the server."""

    def __init__(self, reason: str, answer: Json) -> None:
        """Take both."""
        super().__init__(reason)
        self.answer = answer


class Client:
    """A running client; `seen` is what others did, in order."""

    def __init__(self, process: Process) -> None:
        """Take the process."""
        self.seen = list[Event]()
        self._process = process
        self._numbers = count(1)
        self._waiting = dict[int, asyncio.Future[Json]]()
        self._news = asyncio.Event()

    async def ask(self, command: str, **what: Any) -> Json:
        """Let the client carry out a command and return the result; raises ClientError."""
        number = next(self._numbers)
        done: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = done
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": command, **what}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await done

    async def until(self, look: Callable[[], Awaitable[Found | None]]) -> Found:
        """Look at once and after all news until something was found, and return it; raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                if (found := await look()) is not None:
                    return found
                await self._news.wait()

    async def listen(self) -> None:
        """Take in what the client says until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))
        for done in self._waiting.values():
            done.set_exception(ClientError("the client has ended; its standard error says why", {}))
        self._waiting.clear()

    def _take(self, said: Json) -> None:
        if "event" in said:
            self.seen.append(Event.from_json(said["event"]))
            self._news.set()
            return
        done = self._waiting.pop(said["id"])
        if done.done():  # nobody waits any more
            return
        if "error" in said:
            done.set_exception(ClientError(said["error"], said["answer"]))
        else:
            done.set_result(said["result"])


@asynccontextmanager
async def running_client() -> AsyncIterator[Client]:
    """Start a client and end it at the end; raises FileNotFoundError when something is not installed."""
    if (lacks := missing()) is not None:
        raise FileNotFoundError(lacks)
    process = await asyncio.create_subprocess_exec(
        _node(), FOLDER / "client.mjs", stdin=PIPE, stdout=PIPE, limit=LINE
    )
    client = Client(process)
    listening = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await listening
        await process.wait()


def missing() -> str | None:
    """Return what has to be installed, None when everything is there."""
    if shutil.which(_node()) is None:
        return "node is not installed (Debian's packages are nodejs and npm)"
    if not (FOLDER / "node_modules" / "ready").exists():
        return "matrix-js-sdk is not installed (`make test` does it, with Debian's packages nodejs and npm)"
    return None


def _node() -> str:
    return os.environ.get("NODE", NODE)
