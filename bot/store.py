"""The store as async code sees it: units of work run in threads, never on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from storage.database import READERS, Database, Session

T = TypeVar("T")


class Store:
    """A database and its threads: on SQLite one thread writes, on PostgreSQL several do."""

    def __init__(self, database: Database) -> None:
        """Take the database; the threads start with the first work."""
        self.database = database
        self._writers = ThreadPoolExecutor(database.parallel_writes, "store-write")
        self._readers = ThreadPoolExecutor(READERS, "store-read")

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a unit of work in one transaction; whatever it raises has rolled it back."""
        return await self.run(partial(self.database.write, work))

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job that opens its own transactions, in a thread which may write."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, job)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run a unit of work that only reads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.database.read, work)

    async def ping(self) -> None:
        """Raise what the driver raises when the store does not answer."""
        await asyncio.get_running_loop().run_in_executor(self._readers, self.database.ping)

    def close(self) -> None:
        """Finish the work in hand and close every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.database.close()
