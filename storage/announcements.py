"""Announcements: what is to be sent to whom and when, and the deliveries of each run of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    CTE,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, insert_into
from storage.deliveries import Content, Delivery, Priority, State
from storage.meetings import Answer, Attendance
from storage.people import Account, Person
from storage.rooms import Room, is_told_in_a_room
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


@dataclass(frozen=True, slots=True)
class RunBirth:
    """A due announcement which becomes a run of this state, and when it is due next."""

    announcement: Announcement
    next_at: datetime | None
    state: RunState


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with the text that was sent."""

    id: int
    due_at: datetime
    text: str
    state: RunState
    paused_at: datetime | None


PAGE = 2_000
"""How many deliveries are written in one transaction: so long do answers wait for it, some 25 ms."""

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


def add_contents(session: Session, run_id: int, bodies: dict[str, dict[str, Any]]) -> None:
    """Store the message of a run in each language, by locale."""
    rows = [{"run_id": run_id, "locale": locale, "body": body} for locale, body in bodies.items()]
    session.execute(insert(Content), rows)


def has_contents(session: Session, run: Run) -> bool:
    """Return whether the messages of a run are stored."""
    return session.scalar(select(Content.id).where(Content.run_id == run.id).limit(1)) is not None


def add_room_deliveries(
    session: Session, run: Run, letters: Sequence[tuple[Room, dict[str, Any]]], now: datetime
) -> None:
    """Write the deliveries of a run to rooms, given as (room, message)."""
    rows = [
        {
            "channel": room.channel,
            "address": room.address,
            "priority": Priority.BROADCAST,
            "state": State.PENDING,
            "body": body,
            "run_id": run.id,
            "due_at": now,
            "attempts": 0,
            "created_at": now,
        }
        for room, body in letters
    ]
    if rows:
        session.execute(insert(Delivery), rows)


def set_runs_refilled(session: Session, room: Room) -> bool:
    """Let the runs that did not reach a room go to its people one by one; return whether any does."""
    failed = select(Delivery.run_id).where(Delivery.channel == room.channel, Delivery.address == room.address)
    failed = failed.where(Delivery.state == State.UNREACHABLE, Delivery.run_id.is_not(None))
    query = update(Run).where(Run.id.in_(failed), Run.state != RunState.STOPPED)
    refilled = query.values(state=RunState.FILLING, cursor=0).returning(Run.id)
    return session.scalars(refilled).first() is not None


def add_run_deliveries(session: Session, run: Run, now: datetime, page: int = PAGE) -> None:
    """Write the deliveries of a run's next `page` people; with the last of them the run is filled."""
    announcement = get_announcement_of(session, run)
    people = _recipients(Group(announcement.audience, announcement.meeting_id), run.cursor)
    next_page = people.order_by(Person.id).limit(page).cte("page")
    last, count = session.execute(select(func.max(next_page.c.id), func.count())).one()
    if count:
        # Up to the last of them and not so many: others may come to the page or go between the statements.
        people = people.where(Person.id <= last, Account.person_id <= last)
        told = _told_elsewhere(session, announcement.audience)
        _write_page(session, run, people.cte("page"), told, now)
        run.cursor = last
    if count < page:
        run.state = RunState.FILLED
    session.flush()


def count_recipients(session: Session, group: Group) -> int:
    """Return how many people an announcement would reach one by one now: those in rooms are not counted."""
    people = _recipients(group).cte("people")
    query = select(func.count()).select_from(people)
    told = _told_elsewhere(session, group.audience)
    if told is not None:
        query = query.join(Account, Account.id == people.c.account_id).where(~told)
    return session.scalar(query) or 0


def list_past_runs(session: Session, person: Person, limit: int, before: int | None = None) -> list[PastRun]:
    """Return the newest runs that a person may see, those with an id below `before` if given."""
    query = (
        select(Run.id, Run.due_at, Announcement.text, Run.state, Run.paused_at)
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


def _recipients(group: Group, after: int = 0) -> Select[int, str, int]:
    """Return a query of the people, with ids above `after`, whom an announcement reaches.

    It gives their ids, their languages and the accounts which reach them: the open one on the channel that
    a person prefers, else the oldest open one.
    """
    preferred = func.min(case((Account.channel == Person.preferred_channel, Account.id)))
    best = func.coalesce(preferred, func.min(Account.id)).label("account_id")
    query = select(Person.id, Person.locale, best).join(Account, Account.person_id == Person.id)
    query = query.where(Account.closed_at.is_(None), Account.address.is_not(None))
    # The second of these, or PostgreSQL begins at the first account.
    query = query.where(Person.id > after, Account.person_id > after)
    query = query.where(Person.wants_announcements).group_by(Person.id)
    match group.audience:
        case Audience.EVERYONE:
            return query
        case Audience.MEMBERS:
            return query.where(Person.organisation_id.is_not(None))
        case Audience.MEETING:
            coming = select(Attendance.person_id).where(Attendance.meeting_id == group.meeting_id)
            return query.where(Person.id.in_(coming.where(Attendance.answer == Answer.YES)))


def _told_elsewhere(session: Session, audience: Audience) -> ColumnElement[bool] | None:
    """Return the condition under which an account gets an announcement in a room; None where none does."""
    return is_told_in_a_room(session) if audience is Audience.EVERYONE else None


def _write_page(
    session: Session, run: Run, people: CTE, told: ColumnElement[bool] | None, now: datetime
) -> None:
    """Write one delivery for each of these people on their account, unless that is `told` elsewhere."""
    state = literal(State.PENDING, Delivery.__table__.c.state.type)
    moment = literal(now, Delivery.__table__.c.due_at.type)
    rows = (
        select(
            *(Account.channel, Account.address, literal(int(Priority.BROADCAST)), state, Content.id),
            *(Content.run_id, Account.person_id, moment, literal(0), moment),
        )
        .select_from(people)
        .join(Account, Account.id == people.c.account_id)
        .join(Content, and_(Content.run_id == run.id, Content.locale == people.c.locale))
        .order_by(people.c.id)
    )
    if told is not None:
        rows = rows.where(~told)
    columns = ["channel", "address", "priority", "state", "content_id"]
    columns += ["run_id", "person_id", "due_at", "attempts", "created_at"]
    insertion = insert_into(session, Delivery).from_select(columns, rows)
    session.execute(insertion.on_conflict_do_nothing(index_elements=["run_id", "person_id"]))
