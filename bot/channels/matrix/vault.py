"""The device's keys in a thread of their own: neither its file nor its sums hold up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bot.channels.matrix.device_file import DeviceFile, Known, NotADevice
from bot.channels.matrix.errors import SetupError
from bot.channels.matrix.machine import Machine
from bot.channels.matrix.session import Login

T = TypeVar("T")

_SUFFIXES = ("", "-wal", "-shm")


class Vault:
    """The device in the file at `path`, whose keys are under the secret `store_key`."""

    def __init__(self, path: Path, store_key: str) -> None:
        self._path = path
        self._store_key = store_key
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="matrix-keys")
        self._file: DeviceFile | None = None
        self._machine: Machine | None = None
        self.login = Login("", "", "")

    async def open(self) -> Known:
        """Open the device that is there; raises `NotADevice`, and SetupError when its secret is another."""
        known = await self._do(self._open)
        self.login = known.login
        return known

    async def make(self, login: Login) -> None:
        """Make the keys of a new device; whatever device was there is gone for good."""
        await self._do(lambda: self._make(login))
        self.login = login

    async def renew(self, login: Login) -> None:
        """Keep another access token of the same device."""
        await self.run(lambda machine: machine.file.set_login(login))
        self.login = login

    async def run(self, work: Callable[[Machine], T]) -> T:
        """Do some work with the device's keys, as one transaction of its file.

        What was saved before an error is kept: keys that were used have moved on.
        """
        return await self._do(lambda: self._run(work))

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._do(self._close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Known:
        self._close()
        if not self._path.exists():
            raise NotADevice
        file = self._file = DeviceFile(self._path)
        known = file.read()
        try:
            self._machine = Machine(known.login, file, self._store_key)
        except ValueError:
            self._close()
            raise SetupError(
                f"{self._path} is under another secret than the one set now."
                " Set that one again, or delete the file: the bot then makes a new device."
            ) from None
        return known

    def _make(self, login: Login) -> None:
        self._close()
        for suffix in _SUFFIXES:
            self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
        file = self._file = DeviceFile(self._path)
        file.begin()
        file.set_login(login)
        self._machine = Machine(login, file, self._store_key)
        file.commit()

    def _run(self, work: Callable[[Machine], T]) -> T:
        if self._file is None or self._machine is None:
            raise SetupError("The bot's device on Matrix is not open.")
        self._file.begin()
        try:
            return work(self._machine)
        finally:
            self._file.commit()

    def _close(self) -> None:
        file, self._file, self._machine = self._file, None, None
        if file is not None:
            file.close()
