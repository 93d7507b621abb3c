"""The files of the store as channels need them: their bytes, and the copy that a platform keeps of each.

A file is uploaded once to a platform and goes to everybody else as that copy.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from bot.channel import Again, Never
from bot.store import Store
from handlers.dialogue.message import FileRef
from storage import files
from storage.database import Session, StoreUnavailable

log = logging.getLogger(__name__)

KEPT_IN_MEMORY = 2
"""How many files' bytes are kept at hand: an announcement is sent to many, and few are sent at a time."""

COPIES_IN_MEMORY = 200
"""Of how many copies it is remembered what a platform calls them."""

WAIT_SECONDS = 4.0
"""How long a message waits for another one which is just uploading the same file."""

Copy = dict[str, Any]
"""What a platform calls its copy of a file, as JSON."""

Upload = Callable[[bytes], Awaitable[Copy]]
"""Gives the bytes to a platform and returns what it calls its copy; raises what the channel raises."""

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Files:
    """The files in a store."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing at hand."""
        self._store = store
        self._data: OrderedDict[int, bytes] = OrderedDict()
        self._copies: OrderedDict[tuple[int, str], Copy] = OrderedDict()
        self._uploads: dict[tuple[int, str], asyncio.Lock] = {}

    async def data(self, file: FileRef) -> bytes:
        """Return the bytes of a file; raises Never when it was deleted, Again without the store."""
        data = self._data.get(file.id)
        if data is None:
            data = await self._read(partial(files.get_data, file_id=file.id))
        if data is None:
            raise Never("its file was deleted")
        _remember(self._data, file.id, data, KEPT_IN_MEMORY)
        return data

    async def copied(self, file: FileRef, place: str, upload: Upload) -> Copy:
        """Return what a platform calls its copy of a file, uploaded now if it has none in this place.

        Raises Again while another message uploads it for long or the store does not answer, Never when it
        was deleted, and whatever `upload` raises.
        """
        key = (file.id, place)
        known = await self._copy(key)
        if known is not None:
            return known
        lock = self._uploads.setdefault(key, asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise Again("its file is being uploaded") from None
        try:
            known = await self._copy(key)
            return known if known is not None else await self._upload(file, key, upload)
        finally:
            lock.release()
            if not lock.locked():
                self._uploads.pop(key, None)

    async def forget_copy(self, file: FileRef, place: str) -> None:
        """Note that a platform does not know its copy any more: the next message brings a new one."""
        self._copies.pop((file.id, place), None)
        try:
            await self._store.write(partial(files.delete_copy, file_id=file.id, place=place))
        except StoreUnavailable as error:
            raise Again("the store does not answer") from error

    async def _copy(self, key: tuple[int, str]) -> Copy | None:
        known = self._copies.get(key)
        if known is None:
            known = await self._read(partial(files.get_copy, file_id=key[0], place=key[1]))
        if known is not None:
            _remember(self._copies, key, known, COPIES_IN_MEMORY)
        return known

    async def _upload(self, file: FileRef, key: tuple[int, str], upload: Upload) -> Copy:
        made = await upload(await self.data(file))
        _remember(self._copies, key, made, COPIES_IN_MEMORY)
        try:
            await self._store.write(partial(files.set_copy, file_id=file.id, place=key[1], ref=made))
        except StoreUnavailable as error:  # the upload may have been a message: that one has arrived
            log.warning("a copy of a file cannot be stored: %s", error)
        return made

    async def _read(self, work: Callable[[Session], T]) -> T:
        """Read from the store; raises Again when it does not answer."""
        try:
            return await self._store.read(work)
        except StoreUnavailable as error:
            raise Again("the store does not answer") from error


def _remember(known: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Keep something as the newest of what is remembered, and forget the oldest."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > most:
        known.popitem(last=False)
