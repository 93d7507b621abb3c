"""The leases of this process: what it alone may do, and for how long it can be sure of that."""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from bot.log import describe
from bot.store import Store
from storage import leases
from storage.database import Session, StoreUnavailable
from storage.leases import Term

log = logging.getLogger(__name__)

RENEWALS = 3
"""How often a lease is renewed within its life."""

SHORTEST_WAIT = 0.05
"""Seconds between the expiry of another's lease and our asking for it."""


class Leases:
    """Takes the leases named `names` when they are free and keeps them until it is stopped.

    `life` is how many seconds a lease lasts without being renewed. A lease is reckoned with the monotonic
    clock from before it was asked for, so that a process which was stopped for a while does not believe in
    one that has run out.
    """

    def __init__(self, store: Store, names: Sequence[str], life: float, now: Callable[[], datetime]) -> None:
        """Take what is to be held; nothing is until `start`."""
        self.process = secrets.token_hex(8)
        self.life = life
        self._store = store
        self._names = names
        self._now = now
        self._terms: dict[str, Term] = {}
        self._sure_until = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._changed = asyncio.Event()
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call this whenever a lease was taken or lost."""
        self._listeners.append(callback)

    async def start(self) -> None:
        """Take what is free, and go on doing so."""
        if self._store.database.is_sqlite:  # nobody else works on the file: who held a lease is dead
            await self._store.write(partial(leases.release_every_lease, now=self._now()))
        await self._claim()
        if self._store.database.is_sqlite:
            self._sure_until = math.inf
            return
        self._task = asyncio.create_task(self._keep(), name="leases")

    async def stop(self) -> None:
        """Give everything back at once."""
        self._stopping = True
        if self._task is not None:
            self._woken.set()
            await asyncio.wait([self._task], timeout=self.life)  # a claim under way would undo it
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._terms, self._sure_until = {}, 0.0
        self._tell()
        try:
            await self._store.write(self._release)
        except StoreUnavailable as error:
            log.warning("the leases cannot be given back and will run out: %s", error)

    def _release(self, session: Session) -> None:
        """Give back what is held."""
        leases.release_leases(session, self.process, leases.get_time(session, self._now()))

    def wake(self) -> None:
        """Look now whether another process has given a lease back."""
        self._woken.set()

    def term(self, name: str, margin: float = 0.0) -> Term | None:
        """Return the term in which this process does what the lease is for, None when it is not its part.

        `margin` is for how many more seconds the process must be sure of it.
        """
        return self._terms.get(name) if time.monotonic() + margin < self._sure_until else None

    async def wait_until(self, name: str, *, held: bool) -> None:
        """Return once this process has a lease, or once it has it no more."""
        while (self.term(name) is not None) is not held:
            left = self._sure_until - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left if 0 < left < math.inf else None)

    async def _keep(self) -> None:
        """Renew what is held and take what becomes free."""
        while not self._stopping:
            wait = self.life / RENEWALS
            try:
                if missing := self._missing():
                    left = await self._store.read(partial(self._seconds_left, missing))
                    wait = min(wait, left + SHORTEST_WAIT)
                await self._sleep(wait)
                if not self._stopping:
                    await self._claim()
            except StoreUnavailable as error:
                log.warning("the store does not answer, the leases wait: %s", error)
                await asyncio.sleep(min(wait, 1.0))
            except Exception as error:  # noqa: BLE001 - without leases nothing would ever be sent again
                log.error("the leases cannot be kept: %s", describe(error))  # noqa: TRY400 - as elsewhere
                await asyncio.sleep(min(wait, 1.0))

    def _seconds_left(self, names: Sequence[str], session: Session) -> float:
        """Return in how many seconds the first of these leases runs out, infinity when none was taken."""
        expiry = leases.get_next_expiry(session, names)
        if expiry is None:
            return math.inf
        return max((expiry - leases.get_time(session, self._now())).total_seconds(), 0.0)

    def _missing(self) -> list[str]:
        """Return the names of the leases that others hold."""
        return [name for name in self._names if name not in self._terms]

    async def _sleep(self, seconds: float) -> None:
        """Wait, until woken at the latest."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return
        self._woken.clear()

    async def _claim(self) -> None:
        """Renew what is held and take what is free."""
        asked = time.monotonic()
        life = timedelta(seconds=self.life)

        def work(session: Session) -> dict[str, Term]:
            now = leases.get_time(session, self._now())
            return leases.claim_leases(session, self._names, self.process, now, life)

        terms = await self._store.write(work)
        before, self._terms = self._terms, terms
        came_back = self._sure_until < time.monotonic()
        self._sure_until = asked + self.life
        if not self._store.database.is_sqlite:
            _log_changes(before, terms)
        if terms != before or came_back:
            self._tell()

    def _tell(self) -> None:
        """Tell whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()
        for tell in self._listeners:
            tell()


def _log_changes(before: Mapping[str, Term], after: Mapping[str, Term]) -> None:
    """Log which leases were taken and lost."""
    for name in after.keys() - before.keys():
        log.info("this process does what the lease %s is for", name)
    for name in before.keys() - after.keys():
        log.warning("another process has taken the lease %s", name)
