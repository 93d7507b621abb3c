"""People: persons and their accounts on channels."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, case, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.database import Base, Session
from storage.organisations import Organisation


class Person(Base):
    """Somebody who talks with the bot; `name` is empty until it is known.

    `preferred_channel` is where pushes go while the account there is open, None: to the oldest open account.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="")
    locale: Mapped[str]
    coordinates: Mapped[bool] = mapped_column(default=False)
    wants_announcements: Mapped[bool] = mapped_column(default=True)
    preferred_channel: Mapped[str | None]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship(lazy="raise")

    __table_args__ = (
        Index(
            "ix_person_coordinates",
            "id",
            sqlite_where=text("coordinates"),
            postgresql_where=text("coordinates"),
        ),
    )


class Account(Base):
    """A person on one channel.

    `address` is the private chat where a push reaches them, None while they have spoken in groups only.
    A closed account gets nothing until the person writes again.
    """

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    sender: Mapped[str]
    address: Mapped[str | None]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    closed_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("channel", "sender"),
        Index("ix_account_channel_address", "channel", "address"),
    )


def add_person(session: Session, name: str, locale: str, now: datetime) -> Person:
    """Store and return a new person."""
    person = Person(name=name, locale=locale, created_at=now)
    session.add(person)
    session.flush()
    return person


def get_person(session: Session, person_id: int) -> Person | None:
    """Return the person with this id, if there is one."""
    return session.get(Person, person_id)


def is_coordinator(session: Session, channel: str, sender: str) -> bool:
    """Return whether somebody on a channel coordinates."""
    query = select(Person.id).join(Account, Account.person_id == Person.id).where(Person.coordinates)
    query = query.where(Account.channel == channel, Account.sender == sender)
    return session.scalar(query) is not None


def get_locale_at(session: Session, channel: str, address: str) -> str | None:
    """Return the language of the person whom an address reaches, if there is one."""
    query = select(Person.locale).join(Account, Account.person_id == Person.id)
    return session.scalar(query.where(Account.channel == channel, Account.address == address).limit(1))


def list_coordinators(session: Session) -> Sequence[Person]:
    """Return the people who coordinate."""
    return session.scalars(select(Person).where(Person.coordinates).order_by(Person.id)).all()


def has_coordinator(session: Session) -> bool:
    """Return whether anybody coordinates yet."""
    return session.scalar(select(func.count()).select_from(Person).where(Person.coordinates)) != 0


def get_open_accounts(session: Session, person_ids: Sequence[int]) -> dict[int, Account]:
    """Return the account on which each of these people is reached, by person id.

    It is the open one on the channel that the person prefers, else the oldest open one.
    """
    query = select(Account).join(Account.person).where(Account.person_id.in_(person_ids))
    query = query.where(Account.closed_at.is_(None), Account.address.is_not(None))
    preferred = case((Account.channel == Person.preferred_channel, 1), else_=0)
    rows = session.scalars(query.order_by(preferred, Account.id.desc()))
    return {account.person_id: account for account in rows}  # the last of a person's stands


def list_accounts(session: Session, person_id: int) -> Sequence[Account]:
    """Return the accounts of a person, the oldest first."""
    return session.scalars(select(Account).where(Account.person_id == person_id).order_by(Account.id)).all()


def set_accounts_closed(session: Session, channel: str, address: str, now: datetime) -> None:
    """Record that nothing reaches an address any more."""
    query = update(Account).where(Account.channel == channel, Account.address == address)
    session.execute(query.values(closed_at=now))
