"""Announcements, and their runs: each time that one is sent to everybody it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, insert_into
from storage.deliveries import Content, Delivery, Priority, State
from storage.meetings import Answer, Attendance
from storage.people import Account, Person


class Audience(StrEnum):
    """To whom an announcement goes; those who opted out are never among them."""

    EVERYONE = "everyone"
    MEMBERS = "members"
    MEETING = "meeting"
    """Those who come to a meeting."""


class RunState(StrEnum):
    """How far a run has come."""

    FILLING = "filling"
    """Its deliveries are being written."""
    FILLED = "filled"
    SKIPPED = "skipped"
    """It was too late to send it."""


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

    __table_args__ = (Index("ix_announcement_next_at", "next_at"),)


class Run(Base):
    """One time that an announcement is sent; `cursor` is the last person whose delivery was written."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    due_at: Mapped[datetime]
    state: Mapped[RunState] = mapped_column(index=True)
    cursor: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("announcement_id", "due_at"),
        Index("ix_run_due_at", "due_at"),
    )


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


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with the text that was sent."""

    id: int
    due_at: datetime
    text: str
    state: RunState


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
    )
    session.add(announcement)
    session.flush()
    return announcement


def get_announcement(session: Session, announcement_id: int) -> Announcement | None:
    """Return the announcement with this id, if there is one, locked against changes by others."""
    query = select(Announcement).where(Announcement.id == announcement_id).with_for_update()
    return session.scalars(query).one_or_none()


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
    """Return announcements that are due, the longest waiting first."""
    query = select(Announcement).where(Announcement.next_at <= now)
    return session.scalars(query.order_by(Announcement.next_at, Announcement.id).limit(limit)).all()


def list_coming_announcements(session: Session, limit: int = 6) -> Sequence[Announcement]:
    """Return the announcements that are still to be sent, the next one first."""
    query = select(Announcement).where(Announcement.next_at.is_not(None))
    return session.scalars(query.order_by(Announcement.next_at, Announcement.id).limit(limit)).all()


def claim_run(
    session: Session, announcement: Announcement, next_at: datetime | None, state: RunState
) -> Run | None:
    """Turn a due announcement into a run and set its next time; None when another process was faster."""
    due_at = announcement.next_at
    moved = session.execute(
        update(Announcement)
        .where(Announcement.id == announcement.id, Announcement.next_at == due_at)
        .values(next_at=next_at)
        .execution_options(synchronize_session=False)
        .returning(Announcement.id)
    ).first()
    if moved is None:
        return None
    row = insert_into(session, Run).values(
        announcement_id=announcement.id, due_at=due_at, state=state, cursor=0
    )
    run_id = session.scalar(row.on_conflict_do_nothing().returning(Run.id))
    return session.get(Run, run_id) if run_id is not None else None


def add_contents(session: Session, run_id: int, bodies: dict[str, dict[str, Any]]) -> None:
    """Store the message of a run in each language, by locale."""
    rows = [{"run_id": run_id, "locale": locale, "body": body} for locale, body in bodies.items()]
    session.execute(insert(Content), rows)


def list_filling_runs(session: Session) -> Sequence[Run]:
    """Return the runs whose deliveries are not all written yet."""
    return session.scalars(select(Run).where(Run.state == RunState.FILLING).order_by(Run.id)).all()


def add_run_deliveries(session: Session, run_id: int, now: datetime, page: int = 5_000) -> bool:
    """Write the deliveries of a run's next `page` people; return whether there may be more to write."""
    run = session.scalars(select(Run).where(Run.id == run_id).with_for_update()).one()
    if run.state is not RunState.FILLING:
        return False
    announcement = session.get_one(Announcement, run.announcement_id)
    people = _recipients(Group(announcement.audience, announcement.meeting_id))
    people = people.where(Person.id > run.cursor).order_by(Person.id).limit(page)
    last = session.scalar(select(func.max(people.subquery().c.id)))
    if last is None:
        run.state = RunState.FILLED
        session.flush()
        return False
    _write_page(session, run, people, now)
    run.cursor = last
    session.flush()
    return True


def count_recipients(session: Session, group: Group) -> int:
    """Return how many people an announcement would reach now."""
    return session.scalar(select(func.count()).select_from(_recipients(group).subquery())) or 0


def list_past_runs(session: Session, person: Person, limit: int, before: int | None = None) -> list[PastRun]:
    """Return the newest runs that a person may see, those with an id below `before` if given."""
    query = (
        select(Run.id, Run.due_at, Announcement.text, Run.state)
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


def _recipients(group: Group) -> Select[int]:
    """Return a query of the ids of the people whom an announcement reaches."""
    reachable = select(Account.person_id).where(Account.closed_at.is_(None), Account.address.is_not(None))
    query = select(Person.id).where(Person.wants_announcements, Person.id.in_(reachable))
    match group.audience:
        case Audience.EVERYONE:
            return query
        case Audience.MEMBERS:
            return query.where(Person.organisation_id.is_not(None))
        case Audience.MEETING:
            coming = select(Attendance.person_id).where(Attendance.meeting_id == group.meeting_id)
            return query.where(Person.id.in_(coming.where(Attendance.answer == Answer.YES)))


def _write_page(session: Session, run: Run, people: Select[int], now: datetime) -> None:
    """Write one delivery for each of these people, on the oldest channel which reaches them."""
    ids = people.subquery()
    account = (
        select(func.min(Account.id).label("id"))
        .where(Account.closed_at.is_(None), Account.address.is_not(None))
        .where(Account.person_id.in_(select(ids.c.id)))
        .group_by(Account.person_id)
        .subquery()
    )
    state = literal(State.PENDING, Delivery.__table__.c.state.type)
    moment = literal(now, Delivery.__table__.c.due_at.type)
    rows = (
        select(
            Account.channel,
            Account.address,
            literal(int(Priority.BROADCAST)),
            state,
            Content.id,
            Content.run_id,
            Account.person_id,
            moment,
            literal(0),
            moment,
        )
        .join(account, account.c.id == Account.id)
        .join(Person, Person.id == Account.person_id)
        .join(Content, tuple_(Content.run_id, Content.locale) == tuple_(run.id, Person.locale))
        .order_by(Person.id)
    )
    columns = ["channel", "address", "priority", "state", "content_id"]
    columns += ["run_id", "person_id", "due_at", "attempts", "created_at"]
    insertion = insert_into(session, Delivery).from_select(columns, rows)
    session.execute(insertion.on_conflict_do_nothing(index_elements=["run_id", "person_id"]))
