"""The knowledge in the store and its index in memory, rebuilt when the store has another revision."""

from datetime import datetime
from threading import Lock

from handlers.questions.answers import Knowledge
from handlers.questions.entries import Entry, Listed, load_shipped
from storage import knowledge, organisations
from storage.database import Session
from storage.knowledge import KnowledgeEntry, Revision


class Library:
    """Gives the index of the knowledge as the store has it now; several threads may ask at once."""

    def __init__(self) -> None:
        """Begin without an index; the first question builds it."""
        self._lock = Lock()
        self._built: tuple[Revision, Knowledge] | None = None

    def current(self, session: Session) -> Knowledge:
        """Return the index of what the store holds.

        Building it takes about a second, but for a new organisation only a moment.
        """
        revision = knowledge.get_revision(session)
        with self._lock:
            if self._built is None or self._built[0] != revision:
                self._built = revision, self._rebuild(session, revision)
            return self._built[1]

    def _rebuild(self, session: Session, revision: Revision) -> Knowledge:
        """Return the index of a revision, made from the one before where only organisations changed."""
        listed = _list_organisations(session)
        if self._built is not None and self._built[0][0] == revision[0]:
            return self._built[1].with_organisations(listed)
        return Knowledge.build(_list_entries(session), listed)


def load_knowledge(session: Session, now: datetime) -> bool:
    """Store the shipped knowledge and organisations if there are none yet; return whether it did."""
    if knowledge.has_entries(session):
        return False
    entries, listed = load_shipped()
    knowledge.add_entries(
        session,
        [
            KnowledgeEntry(
                topic=entry.topic,
                locale=entry.locale,
                kind=entry.kind,
                label=entry.label,
                phrasings=list(entry.phrasings),
                answer=entry.answer,
                source=entry.source,
                as_of=entry.as_of,
                changed_at=now,
            )
            for entry in entries
        ],
    )
    for one in listed:
        organisations.add_organisation(session, one.name, one.kind, one.aliases)
    return True


def _list_entries(session: Session) -> list[Entry]:
    """Return the entries in the store."""
    return [
        Entry(
            topic=row.topic,
            kind=row.kind,
            locale=row.locale,
            label=row.label,
            phrasings=tuple(row.phrasings),
            answer=row.answer,
            source=row.source,
            as_of=row.as_of,
        )
        for row in knowledge.list_entries(session)
    ]


def _list_organisations(session: Session) -> list[Listed]:
    """Return the organisations in the store."""
    return [
        Listed(row.name, tuple(row.aliases) or (row.name,), row.kind)
        for row in organisations.list_organisations(session)
    ]
