"""The clock: wakes the process when something is due and writes the rows that follow from it.

Rows are the truth. The only timer is one DateTrigger on the next due row, at most 30 seconds away, so that
what another process has stored is noticed too. No other file imports apscheduler.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.leases import Leases
from bot.log import describe
from bot.signals import CLOCK, OUTBOX, Signals
from bot.store import Store
from handlers.dialogue.context import Site
from storage.database import Session, StoreUnavailable

log = logging.getLogger(__name__)

NAME = "clock"
"""The name of the lease."""

LONGEST_SLEEP = timedelta(seconds=30)
CLEAN_EVERY = timedelta(hours=6)

Duty = Callable[[Session, datetime, Site], bool]
"""Does some of what is due at a time, in one transaction; returns whether there is more to do at once."""

NextDue = Callable[[Session], datetime | None]
"""Returns when something is due next, if anything is."""

Clean = Callable[[Session, datetime], None]
"""Deletes what is past its time."""


class Clock:
    """Does the duties when they are due, while this process has the lease; `now` is the aware UTC time."""

    def __init__(
        self, store: Store, signals: Signals, leases: Leases, site: Site, now: Callable[[], datetime]
    ) -> None:
        """Take what the duties need; nothing runs before `start`."""
        self._store = store
        self._signals = signals
        self._leases = leases
        self._site = site
        self._now = now
        self._scheduler = AsyncIOScheduler(timezone=site.zone)
        self._one_at_a_time = asyncio.Lock()
        self._woken = False
        self._duties: Sequence[Duty] = ()
        self._next_due: NextDue = lambda _session: None
        signals.on(CLOCK, lambda _: self.wake())
        leases.on_change(self.wake)

    def start(self, duties: Sequence[Duty], next_due: NextDue, cleaners: Sequence[Clean]) -> None:
        """Begin to do the duties, and to delete every six hours what is past its time."""
        self._duties, self._next_due = duties, next_due
        self._scheduler.add_job(
            self._clean, IntervalTrigger(seconds=int(CLEAN_EVERY.total_seconds())), args=[cleaners]
        )
        self._scheduler.start()
        self.wake()

    async def stop(self) -> None:
        """Finish the duty in hand and do no other."""
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
            async with self._one_at_a_time:
                self._scheduler.shutdown(wait=False)

    def wake(self) -> None:
        """Look into the store now: something was put there."""
        self._woken = True  # a look that is just ending must not put this one off
        if self._scheduler.running:
            self._run_at(None)

    async def pump(self, now: datetime) -> None:
        """Do everything that is due at a time, one transaction after the other."""
        for duty in self._duties:
            while await self._store.write(partial(_do, duty, now, self._site)):
                self._signals.tell(OUTBOX)

    def _run_at(self, moment: datetime | None) -> None:
        """Let the next look into the store be at a time, None for at once; there is only ever one to come."""
        self._scheduler.add_job(
            self._tick,
            DateTrigger(moment) if moment else None,
            id="tick",
            replace_existing=True,
            misfire_grace_time=None,
            max_instances=3,  # one at work, one that waits for it, and a wake in between
        )

    async def _tick(self) -> None:
        """Do what is due and set the timer for what comes next."""
        async with self._one_at_a_time:
            due_at, self._woken = None, False
            try:
                if self._leases.term(NAME) is not None:
                    await self.pump(self._now())
                    due_at = await self._store.read(self._next_due)
            except StoreUnavailable as error:
                log.warning("the store does not answer, what is due waits: %s", error)
            except Exception as error:  # noqa: BLE001 - a broken duty must not stop the clock
                log.error("what is due cannot be done: %s", describe(error))  # noqa: TRY400
            latest = self._now() + LONGEST_SLEEP
            if self._scheduler.running:
                self._run_at(None if self._woken else min(due_at or latest, latest))

    async def _clean(self, cleaners: Sequence[Clean]) -> None:
        """Delete what is past its time, while this process has the lease."""
        if self._leases.term(NAME) is None:
            return
        for clean in cleaners:
            await self._store.write(partial(_call, clean, self._now()))


def _do(duty: Duty, now: datetime, site: Site, session: Session) -> bool:
    """Do a duty inside its transaction."""
    return duty(session, now, site)


def _call(clean: Clean, now: datetime, session: Session) -> None:
    """Delete inside a transaction."""
    clean(session, now)
