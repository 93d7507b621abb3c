"""Announcements: what is to be sent to whom and when, and the runs that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    ForeignKey,
    Index,
    Table,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, insert_into
from storage.meetings import Answer, Attendance
from storage.people import Person
from storage.runs import Run, RunState


class Audience(StrEnum):
    """To whom an announcement goes; those who opted out are never among them."""

    EVERYONE = "everyone"
    MEMBERS = "members"
    MEETING = "meeting"
    """Those who come to a meeting."""


class Announcement(Base):
    """A text and when it goes out to whom.

    `text` is clean markup. `rule` is an RFC 5545 RRULE for a repeated one, counted from `first_at` in the
    wall-clock time of `zone`. `next_at` is when it is due next, None when nothing more is to come.
    """

    __tablename__ = "announcement"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    audience: Mapped[Audience]
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey("meeting.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    rule: Mapped[str | None]
    first_at: Mapped[datetime]
    zone: Mapped[str]
    next_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id"), index=True)

    __table_args__ = (Index("ix_announcement_next_at", "next_at"),)


@dataclass(frozen=True, slots=True)
class Group:
    """An audience, and the meeting that the announcement is about, if it is about one."""

    audience: Audience
    meeting_id: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a coordinator says about an announcement."""

    text: str
    group: Group
    first_at: datetime
    rule: str | None
    zone: str
    file_id: int | None = None


@dataclass(frozen=True, slots=True)
class RunBirth:
    """A due announcement which becomes a run of this state, and when it is due next."""

    announcement: Announcement
    next_at: datetime | None
    state: RunState


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with the text that was sent, and the id of the file that went with it."""

    id: int
    due_at: datetime
    text: str
    state: RunState
    paused_at: datetime | None
    file_id: int | None = None


_ANNOUNCEMENT = cast("Table", Announcement.__table__)
_NEXT_TIME = (
    update(_ANNOUNCEMENT)  # the table, not the class: one statement for many rows
    .where(_ANNOUNCEMENT.c.id == bindparam("the_id"))
    .values(next_at=bindparam("next_at"))
)


def add_announcement(session: Session, draft: Draft, author_id: int, now: datetime) -> Announcement:
    """Store and return a new announcement, due at its first time."""
    announcement = Announcement(
        text=draft.text,
        audience=draft.group.audience,
        meeting_id=draft.group.meeting_id,
        author_id=author_id,
        rule=draft.rule,
        first_at=draft.first_at,
        zone=draft.zone,
        next_at=draft.first_at,
        created_at=now,
        file_id=draft.file_id,
    )
    session.add(announcement)
    session.flush()
    return announcement


def get_announcement(session: Session, announcement_id: int) -> Announcement | None:
    """Return the announcement with this id, if there is one, locked against changes by others."""
    query = select(Announcement).where(Announcement.id == announcement_id).with_for_update()
    return session.scalars(query).one_or_none()


def get_announcement_of(session: Session, run: Run) -> Announcement:
    """Return the announcement of a run."""
    return session.get_one(Announcement, run.announcement_id)


def set_announcement_cancelled(session: Session, announcement: Announcement, now: datetime) -> None:
    """Let nothing more of an announcement come."""
    announcement.cancelled_at = now
    announcement.next_at = None
    session.flush()


def set_meeting_announcements_cancelled(session: Session, meeting_id: int, now: datetime) -> None:
    """Let nothing more come of the announcements that are about a meeting."""
    query = update(Announcement).where(Announcement.meeting_id == meeting_id)
    session.execute(query.where(Announcement.next_at.is_not(None)).values(next_at=None, cancelled_at=now))


def get_next_due_at(session: Session) -> datetime | None:
    """Return when the next announcement is due, if there is one."""
    return session.scalar(select(func.min(Announcement.next_at)))


def list_due_announcements(session: Session, now: datetime, limit: int = 100) -> Sequence[Announcement]:
    """Return announcements that are due, the longest waiting first, locked against other processes.

    Those that another process is just turning into runs are left out.
    """
    query = select(Announcement).where(Announcement.next_at <= now).with_for_update(skip_locked=True)
    return session.scalars(query.order_by(Announcement.next_at, Announcement.id).limit(limit)).all()


def list_coming_announcements(session: Session, limit: int = 6) -> Sequence[Announcement]:
    """Return the announcements that are still to be sent, the next one first."""
    query = select(Announcement).where(Announcement.next_at.is_not(None))
    return session.scalars(query.order_by(Announcement.next_at, Announcement.id).limit(limit)).all()


def add_runs(session: Session, births: Sequence[RunBirth]) -> list[int]:
    """Turn due announcements, which the caller has locked, into runs and set their next times.

    Returns the ids of the runs, in no order.
    """
    if not births:
        return []
    moved = [{"the_id": birth.announcement.id, "next_at": birth.next_at} for birth in births]
    session.execute(_NEXT_TIME, moved)
    rows = [
        {
            "announcement_id": birth.announcement.id,
            "due_at": birth.announcement.next_at,
            "state": birth.state,
            "cursor": 0,
        }
        for birth in births
    ]
    new = insert_into(session, Run).on_conflict_do_nothing().returning(Run.id)
    ids = list(session.scalars(new, rows))
    for birth in births:
        session.expire(birth.announcement, ["next_at"])
    return ids


def list_past_runs(session: Session, person: Person, limit: int, before: int | None = None) -> list[PastRun]:
    """Return the newest runs that a person may see, those with an id below `before` if given."""
    query = (
        select(Run.id, Run.due_at, Announcement.text, Run.state, Run.paused_at, Announcement.file_id)
        .join(Announcement, Announcement.id == Run.announcement_id)
        .order_by(Run.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Run.id < before)
    if not person.coordinates:
        query = query.where(Run.state != RunState.SKIPPED).where(_visible_to(person))
    return [PastRun(*row) for row in session.execute(query)]


def _visible_to(person: Person) -> Any:
    """Return the condition under which a person may read a past announcement."""
    mine = select(Attendance.meeting_id).where(Attendance.person_id == person.id)
    mine = mine.where(Attendance.answer == Answer.YES)
    visible = (Announcement.audience == Audience.EVERYONE) | (
        (Announcement.audience == Audience.MEETING) & Announcement.meeting_id.in_(mine)
    )
    if person.organisation_id is not None:
        visible |= Announcement.audience == Audience.MEMBERS
    return visible
