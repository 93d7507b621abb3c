"""What is in a store before it is measured: people by the hundred thousand, and what waits to be sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from zoneinfo import ZoneInfo

from sqlalchemy import String, cast, insert, literal, null, select, true

from handlers.announcements.publishing import fill_runs, publish_due
from handlers.dialogue.context import Site
from storage import announcements, migrate
from storage.announcements import Audience, Draft, Group
from storage.database import Database, Session
from storage.people import Account, Person
from tests.bench.driver import Driver
from tests.stores import Fill

CHANNEL = "telegram"
FIRST = 1_000_000
"""The first person's address; the others follow."""

MARKER = "Rada Klastra"
"""What the text of every announcement contains, by which the fake Telegram knows it."""

TEXT = f"{MARKER} w czwartek o 17:00 w Ratuszu; woda &amp; odpady. " * 5
SITE = Site(ZoneInfo("Europe/Warsaw"))
ZONE = "Europe/Warsaw"


def utc_now() -> datetime:
    """Return the aware UTC time."""
    return datetime.now(UTC)


@cache
def people(count: int) -> Fill:
    """Return what fills a store with so many people, all reached on Telegram; the first coordinates."""
    return partial(_add_people, count=count)


@cache
def pushes(count: int) -> Fill:
    """Return what fills a store with so many people, and a broadcast that is pending for each."""
    return partial(_add_pushes, count=count)


def announce(database: Database, at: datetime, count: int = 1, rule: str | None = None) -> None:
    """Store announcements to everybody which are due at a time."""
    draft = Draft(TEXT, Group(Audience.EVERYONE), at, rule, ZONE)

    def work(session: Session) -> None:
        for _ in range(count):
            announcements.add_announcement(session, draft, 1, utc_now())

    database.write(work)


def publish(database: Database) -> None:
    """Turn what is due into runs and write all their deliveries, as the clock does."""
    for duty in (publish_due, fill_runs):
        do_all(database.write, duty)


def do_all(write: Callable[..., bool], duty: Callable[[Session, datetime, Site], bool]) -> None:
    """Do a duty until there is no more to do."""
    while write(lambda session: duty(session, utc_now(), SITE)):
        pass


def _add_people(database: Database, count: int) -> None:
    """Make the tables, and people in them."""
    migrate.upgrade(database)
    numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < count))
    names = ("name", "locale", "coordinates", "wants_announcements", "created_at")
    moment = literal(utc_now(), Person.__table__.c.created_at.type)
    person = select(literal(""), literal("pl"), numbers.c.number == 1, true(), moment)
    address = cast(Person.id + (FIRST - 1), String)
    account = select(literal(CHANNEL), address, address, Person.id, null())

    def work(session: Session) -> None:
        session.execute(insert(Person).from_select(names, person.order_by(numbers.c.number)))
        columns = ("channel", "sender", "address", "person_id", "closed_at")
        session.execute(insert(Account).from_select(columns, account.order_by(Person.id)))

    database.write(work)
    _tidy(database)


def _add_pushes(database: Database, count: int) -> None:
    """Make people, and a broadcast to them all."""
    _add_people(database, count)
    announce(database, utc_now() - timedelta(seconds=1))
    publish(database)
    _tidy(database)


def _tidy(database: Database) -> None:
    """Let PostgreSQL do now what its autovacuum would do within a minute, beside what is measured."""
    if not database.is_sqlite:
        driver = Driver(database)
        driver.run("VACUUM ANALYZE")
        driver.close()
