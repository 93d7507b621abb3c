"""What is in a store before its programs are killed: people, and announcements which fall due."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from bot.signals import CLOCK
from handlers.questions.library import load_knowledge
from storage import announcements, migrate
from storage.announcements import Audience, Draft, Group
from storage.database import Database, Session
from storage.people import Account, Person
from storage.signals import add_signals

MARKER = "Zbiórka"
"""What the text of every announcement begins with; its number follows."""


def utc_now() -> datetime:
    """Return the aware UTC time."""
    return datetime.now(UTC)


def fill(database: Database, channel: str, addresses: Iterable[str]) -> None:
    """Make the tables of an empty store, and people with a name and an address on a channel."""
    migrate.upgrade(database)
    database.write(partial(load_knowledge, now=utc_now()))

    def work(session: Session) -> None:
        for address in addresses:
            person = Person(name=f"Osoba {address[:8]}", locale="pl", created_at=utc_now())
            session.add(Account(channel=channel, sender=address, address=address, person=person))

    database.write(work)


def announce(database: Database, times: Sequence[datetime], first: int = 1) -> list[str]:
    """Store announcements to everybody, due at these times; return their texts, numbered from `first` on.

    On PostgreSQL the programs are told.
    """
    said = texts(first, len(times))

    def work(session: Session) -> None:
        for text, at in zip(said, times, strict=True):
            draft = Draft(text, Group(Audience.EVERYONE), at, None, "Europe/Warsaw")
            announcements.add_announcement(session, draft, 1, utc_now())
        if not database.is_sqlite:
            add_signals(session, [f"somebody {CLOCK} "])

    database.write(work)
    return said


def texts(first: int, count: int) -> list[str]:
    """Return the texts of so many announcements."""
    return [f"{MARKER} {number}." for number in range(first, first + count)]
