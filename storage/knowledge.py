"""Knowledge: what the bot answers from, one row per topic and language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session
from storage.organisations import Organisation

Revision = tuple[datetime | None, int | None]
"""Changes whenever the knowledge or the directory of organisations does."""


class KnowledgeEntry(Base):
    """What is said about one topic in one language, and the ways in which people ask for it."""

    __tablename__ = "knowledge_entry"

    topic: Mapped[str] = mapped_column(primary_key=True)
    locale: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    label: Mapped[str]
    phrasings: Mapped[list[Any]]
    answer: Mapped[str]
    source: Mapped[str]
    as_of: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(index=True)


def get_revision(session: Session) -> Revision:
    """Return the revision of the knowledge and the directory."""
    changed_at, last_id = session.execute(_REVISION).one()
    return changed_at, last_id


_REVISION = select(  # put together once, as every question runs it
    select(func.max(KnowledgeEntry.changed_at)).scalar_subquery(),
    select(func.max(Organisation.id)).scalar_subquery(),
)


def list_entries(session: Session) -> Sequence[KnowledgeEntry]:
    """Return every entry."""
    return session.scalars(select(KnowledgeEntry).order_by(KnowledgeEntry.topic, KnowledgeEntry.locale)).all()


def has_entries(session: Session) -> bool:
    """Return whether any knowledge was loaded yet."""
    return session.scalar(select(KnowledgeEntry.topic).limit(1)) is not None


def add_entries(session: Session, entries: Sequence[KnowledgeEntry]) -> None:
    """Store new entries."""
    session.add_all(entries)
    session.flush()
