"""Organisations: the participants of the cluster and those whose application was accepted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, dialect_of


class Organisation(Base):
    """A participant; `kind` says of which kind, `aliases` are other names that people use for it."""

    __tablename__ = "organisation"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    aliases: Mapped[list[Any]]


def get_organisation(session: Session, organisation_id: int) -> Organisation | None:
    """Return the organisation with this id, if there is one."""
    return session.get(Organisation, organisation_id)


def get_organisation_called(session: Session, name: str) -> Organisation | None:
    """Return the organisation of this name in any letter case, if there is one."""
    # SQL's lower() knows no Polish letters on SQLite; the list is short.
    wanted = name.casefold()
    return next((found for found in list_organisations(session) if found.name.casefold() == wanted), None)


def list_organisations(session: Session) -> Sequence[Organisation]:
    """Return every organisation by name: a few hundred at most."""
    return session.scalars(select(Organisation).order_by(Organisation.name)).all()


def ensure_organisation(session: Session, name: str, kind: str, aliases: Sequence[str] = ()) -> Organisation:
    """Return the organisation of this name in any letter case, stored when it is new.

    Until the transaction ends nobody else stores one: to the database another letter case is another name.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("LOCK TABLE organisation IN SHARE ROW EXCLUSIVE MODE"))  # reading goes on
    found = get_organisation_called(session, name)
    return found if found is not None else add_organisation(session, name, kind, aliases)


def add_organisation(session: Session, name: str, kind: str, aliases: Sequence[str] = ()) -> Organisation:
    """Store and return a new organisation."""
    organisation = Organisation(name=name, kind=kind, aliases=list(aliases))
    session.add(organisation)
    session.flush()
    return organisation
