"""The clock: what is due becomes deliveries, also after the machine was off, and never twice."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

import handlers
from bot.clock import NAME, Clock, Duty
from bot.store import Store
from handlers.announcements.publishing import publish_due
from handlers.dialogue.context import Site
from handlers.dialogue.markup import plain
from storage import announcements
from storage.announcements import Audience, Draft, Group
from storage.database import Database, Session
from storage.deliveries import Delivery
from storage.people import Person
from storage.runs import Run, RunState
from tests.bot.machine import PATIENCE, Post, Process, add_person, rows, utc_now
from tests.stores import beside
from tests.talk import House

pytestmark = pytest.mark.stores("sqlite", "postgresql")

# Far ahead: the timer of the clock itself then never fires within a test, and `pump` is all that happens.
TUESDAY = datetime(2040, 1, 10, 8, 0, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
LATEST = 6 * HOUR
"""How late an announcement is still sent, as people are promised."""

WEEKLY = "FREQ=WEEKLY;BYDAY=TU"


@pytest.fixture
def database(house: House) -> Database:
    """Return a store with a coordinator, who is person 1, and two others."""
    for name in ("ewa", "anna", "jan"):
        add_person(house.database, name)
    house.database.write(lambda session: setattr(session.get_one(Person, 1), "coordinates", True))
    return house.database


def announce(database: Database, at: datetime, rule: str | None = None, text: str = "Hello") -> int:
    """Store an announcement for everybody."""
    draft = Draft(text, Group(Audience.EVERYONE), at, rule, "Europe/Warsaw")
    return database.write(lambda session: announcements.add_announcement(session, draft, 1, TUESDAY).id)


def runs(database: Database) -> list[tuple[RunState, datetime]]:
    """Return every run with the time at which it was due."""
    return database.read(lambda s: [(run.state, run.due_at) for run in s.query(Run).order_by(Run.id)])


def next_at(database: Database) -> datetime | None:
    """Return when the next announcement is due."""
    return database.read(announcements.get_next_due_at)


@dataclass
class Machine:
    """A clock and a sender over one store."""

    clock: Clock
    store: Store
    post: Post


@asynccontextmanager
async def machine(
    database: Database,
    now: Callable[[], datetime],
    duties: Sequence[Duty] = handlers.DUTIES,
) -> AsyncIterator[Machine]:
    """Run a clock and a sender."""
    post = Post()
    process = Process(database, post, names=[NAME])
    clock = Clock(process.store, process.signals, process.leases, Site(ZoneInfo("Europe/Warsaw")), now)
    await process.start()
    clock.start(duties, announcements.get_next_due_at, ())
    try:
        yield Machine(clock, process.store, post)
    finally:
        await clock.stop()
        await process.stop()
        process.store.close()


@pytest.fixture
async def still(database: Database) -> AsyncIterator[Machine]:
    """Return a machine whose own timer does nothing: the test says what time it is."""
    async with machine(database, now=lambda: TUESDAY - HOUR) as made:
        yield made


async def test_what_is_due_becomes_a_run_and_a_delivery_for_each(still: Machine, database: Database) -> None:
    announce(database, TUESDAY)
    await still.clock.pump(TUESDAY - timedelta(seconds=1))
    assert runs(database) == []
    await still.clock.pump(TUESDAY)
    assert runs(database) == [(RunState.FILLED, TUESDAY)]
    assert [row.address for row in rows(database)] == ["ewa", "anna", "jan"]
    assert next_at(database) is None
    await still.clock.pump(TUESDAY + HOUR)
    assert len(rows(database)) == 3


async def test_late_within_its_time_is_sent(still: Machine, database: Database) -> None:
    announce(database, TUESDAY)
    await still.clock.pump(TUESDAY + LATEST)
    assert runs(database) == [(RunState.FILLED, TUESDAY)]
    assert len(rows(database)) == 3


async def test_too_late_is_skipped_and_the_coordinator_is_told(still: Machine, database: Database) -> None:
    announce(database, TUESDAY)
    await still.clock.pump(TUESDAY + LATEST + timedelta(seconds=1))
    assert runs(database) == [(RunState.SKIPPED, TUESDAY)]
    [row] = rows(database)
    assert (row.address, row.run_id) == ("ewa", None)
    text = plain(Markup((row.body or {})["text"]))
    assert "nie zostało wysłane" in text
    assert "10 stycznia" in text
    await still.clock.pump(TUESDAY + LATEST + HOUR)
    assert len(rows(database)) == 1


async def test_a_machine_that_was_off_for_weeks_sends_one_and_goes_on(
    still: Machine, database: Database
) -> None:
    announce(database, TUESDAY, WEEKLY)
    await still.clock.pump(TUESDAY + 3 * WEEK + HOUR)
    assert len(runs(database)) == 1
    assert next_at(database) == TUESDAY + 4 * WEEK
    await still.clock.pump(TUESDAY + 4 * WEEK)
    assert [state for state, _ in runs(database)][1:] == [RunState.FILLED]
    assert next_at(database) == TUESDAY + 5 * WEEK


async def test_a_weekly_one_goes_on_week_by_week(still: Machine, database: Database) -> None:
    announce(database, TUESDAY, WEEKLY)
    for week in range(3):
        await still.clock.pump(TUESDAY + week * WEEK + timedelta(minutes=2))
    assert runs(database) == [(RunState.FILLED, TUESDAY + week * WEEK) for week in range(3)]
    assert len(rows(database)) == 9


async def test_a_cancelled_one_is_not_sent(still: Machine, database: Database) -> None:
    one = announce(database, TUESDAY)

    def cancel(session: Session) -> None:
        announcement = announcements.get_announcement(session, one)
        assert announcement is not None
        announcements.set_announcement_cancelled(session, announcement, TUESDAY - HOUR)

    database.write(cancel)
    await still.clock.pump(TUESDAY)
    assert rows(database) == []


async def test_a_run_that_was_being_filled_is_filled_after_a_crash(
    still: Machine, database: Database
) -> None:
    announce(database, TUESDAY)
    database.write(lambda s: publish_due(s, TUESDAY, Site(ZoneInfo("Europe/Warsaw"))))
    assert runs(database) == [(RunState.FILLING, TUESDAY)]
    await still.clock.pump(TUESDAY + 12 * HOUR)  # it was claimed in time: what it began, it ends
    assert runs(database) == [(RunState.FILLED, TUESDAY)]
    assert len(rows(database)) == 3


async def test_two_machines_on_one_store_send_it_once(still: Machine, database: Database) -> None:
    announce(database, TUESDAY)
    other = beside(database)
    async with machine(other, now=lambda: TUESDAY - HOUR) as second:
        await still.clock.pump(TUESDAY)
        await second.clock.pump(TUESDAY)
    other.close()
    assert len(runs(database)) == 1
    assert len(rows(database)) == 3


async def test_a_thousand_that_are_due_at_once_make_a_thousand_runs_and_none_twice(
    still: Machine, database: Database
) -> None:
    def fill(session: Session) -> None:
        for person in session.query(Person).filter(Person.id > 1):
            person.wants_announcements = False
        draft = Draft("Hello", Group(Audience.EVERYONE), TUESDAY, None, "Europe/Warsaw")
        for _ in range(1_000):
            announcements.add_announcement(session, draft, 1, TUESDAY)

    database.write(fill)
    await asyncio.gather(still.clock.pump(TUESDAY), still.clock.pump(TUESDAY))
    assert runs(database) == [(RunState.FILLED, TUESDAY)] * 1_000
    assert len({row.run_id for row in rows(database)}) == len(rows(database)) == 1_000


async def test_it_wakes_by_itself_when_something_is_due(database: Database) -> None:
    announce(database, utc_now() + timedelta(seconds=0.3))
    async with machine(database, now=utc_now) as made:
        texts = await made.post.has_sent(3)
    assert all("Hello" in text for text in texts)


async def test_it_looks_at_once_when_it_is_woken(database: Database) -> None:
    async with machine(database, now=utc_now) as made:
        announce(database, utc_now(), text="First")
        made.clock.wake()
        await made.post.has_sent(3)
        for number in range(5):
            announce(database, utc_now(), text=f"More {number}")
            made.clock.wake()
        texts = await made.post.has_sent(18)
    assert len(set(texts)) == 6


async def test_a_broken_duty_does_not_stop_the_clock(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.clock.LONGEST_SLEEP", timedelta(seconds=0.1))
    calls = list[datetime]()
    done = threading.Event()

    def duty(_session: Session, now: datetime, _site: Site) -> bool:
        calls.append(now)
        if len(calls) == 1:
            raise ValueError("tajne-slowo")
        done.set()
        return False

    async with machine(database, now=utc_now, duties=[duty]) as made:
        await made.store.read(lambda _session: done.wait(PATIENCE))
    assert done.is_set()
    assert "ValueError" in caplog.text
    assert "tajne-slowo" not in caplog.text


async def test_stopping_waits_for_the_duty_in_hand(database: Database) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def duty(session: Session, _now: datetime, _site: Site) -> bool:
        begun.set()
        assert go_on.wait(PATIENCE)
        session.get_one(Person, 1).name = "done"
        ended.set()
        return False

    async with machine(database, now=utc_now, duties=[duty]) as made:
        await made.store.read(lambda _session: begun.wait(PATIENCE))
        stopping = asyncio.create_task(made.clock.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        go_on.set()
        await stopping
        assert ended.is_set()
    assert database.read(lambda session: session.get_one(Person, 1).name) == "done"
    assert database.read(lambda session: session.query(Delivery).count()) == 0
