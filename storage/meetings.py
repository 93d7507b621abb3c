"""Meetings and who says that they come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, delete, func, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from storage.database import Base, Session, insert_into
from storage.organisations import Organisation
from storage.people import Account, Person


class Answer(StrEnum):
    """What a person says to an invitation."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


class Meeting(Base):
    """A meeting; `capacity` None means that there is room for everybody."""

    __tablename__ = "meeting"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    starts_at: Mapped[datetime]
    place: Mapped[str]
    agenda: Mapped[str] = mapped_column(default="")
    capacity: Mapped[int | None]
    created_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_meeting_starts_at", "starts_at"),)


class Attendance(Base):
    """One person's answer to one meeting; a new answer takes the old one's place.

    `account_id` is the account on which it was given, where that is known.
    """

    __tablename__ = "attendance"

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    answer: Mapped[Answer]
    answered_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a coordinator says about a meeting."""

    title: str
    starts_at: datetime
    place: str
    agenda: str
    capacity: int | None


@dataclass(frozen=True, slots=True)
class Guest:
    """A line of the attendance list: the person's name, organisation ("" for none) and answer."""

    name: str
    organisation: str
    answer: Answer


def add_meeting(session: Session, draft: Draft, person_id: int) -> Meeting:
    """Store and return a new meeting."""
    meeting = Meeting(
        title=draft.title,
        starts_at=draft.starts_at,
        place=draft.place,
        agenda=draft.agenda,
        capacity=draft.capacity,
        created_by=person_id,
    )
    session.add(meeting)
    session.flush()
    return meeting


def set_meeting(session: Session, meeting: Meeting, draft: Draft) -> None:
    """Change a meeting into what the draft says."""
    meeting.title = draft.title
    meeting.starts_at = draft.starts_at
    meeting.place = draft.place
    meeting.agenda = draft.agenda
    meeting.capacity = draft.capacity
    session.flush()


def set_meeting_cancelled(session: Session, meeting: Meeting, now: datetime) -> None:
    """Cancel a meeting."""
    meeting.cancelled_at = now
    session.flush()


def get_meeting(session: Session, meeting_id: int) -> Meeting | None:
    """Return the meeting with this id, if there is one, locked against changes by others."""
    return session.scalars(select(Meeting).where(Meeting.id == meeting_id).with_for_update()).one_or_none()


def list_coming_meetings(session: Session, now: datetime, limit: int = 5) -> Sequence[Meeting]:
    """Return the meetings that have not started and are not cancelled, the next one first."""
    query = select(Meeting).where(Meeting.starts_at > now, Meeting.cancelled_at.is_(None))
    return session.scalars(query.order_by(Meeting.starts_at, Meeting.id).limit(limit)).all()


def set_answer(session: Session, meeting_id: int, account: Account, answer: Answer, now: datetime) -> None:
    """Record the answer that a person gave on an account, in place of an earlier one."""
    values = {"answer": answer, "answered_at": now, "account_id": account.id}
    person_id = account.person_id
    row = insert_into(session, Attendance).values(meeting_id=meeting_id, person_id=person_id, **values)
    keys = [Attendance.meeting_id, Attendance.person_id]
    session.execute(row.on_conflict_do_update(index_elements=keys, set_=values))


def set_answers_taken_over(session: Session, old_id: int, new_id: int) -> int:
    """Let the answers of one person be another's, and return how many answers no longer count.

    Where both have answered a meeting the newer one stands.
    """
    both, other = (old_id, new_id), aliased(Attendance)
    newer = other.answered_at > Attendance.answered_at
    newer |= (other.answered_at == Attendance.answered_at) & (other.person_id < Attendance.person_id)
    stands = select(other.meeting_id).where(other.meeting_id == Attendance.meeting_id, newer)
    stands = stands.where(other.person_id.in_(both), other.person_id != Attendance.person_id)
    older = delete(Attendance).where(Attendance.person_id.in_(both), stands.exists())
    dropped = session.scalars(older.returning(Attendance.meeting_id)).all()
    query = update(Attendance).where(Attendance.person_id == old_id)
    session.execute(query.values(person_id=new_id))
    return len(dropped)


def get_answer(session: Session, meeting_id: int, person_id: int) -> Answer | None:
    """Return what a person answered, if they did."""
    query = select(Attendance.answer).where(Attendance.meeting_id == meeting_id)
    return session.scalar(query.where(Attendance.person_id == person_id))


def count_answers(session: Session, meeting_ids: Sequence[int], answer: Answer) -> dict[int, int]:
    """Return how many people gave an answer, by meeting id; a meeting without any is left out."""
    query = (
        select(Attendance.meeting_id, func.count())
        .where(Attendance.meeting_id.in_(meeting_ids), Attendance.answer == answer)
        .group_by(Attendance.meeting_id)
    )
    return {meeting_id: count for meeting_id, count in session.execute(query)}  # noqa: C416


def list_guests(session: Session, meeting_id: int) -> list[Guest]:
    """Return everybody who answered, by organisation and name; those without an organisation last."""
    query = (
        select(Person.name, Organisation.name, Attendance.answer)
        .join(Attendance, Attendance.person_id == Person.id)
        .outerjoin(Organisation, Organisation.id == Person.organisation_id)
        .where(Attendance.meeting_id == meeting_id)
        .order_by(Organisation.name.is_(None), Organisation.name, Person.name)
    )
    return [Guest(name, organisation or "", answer) for name, organisation, answer in session.execute(query)]


def list_repliers(session: Session, meeting_id: int) -> list[tuple[Person, Answer]]:
    """Return everybody who answered a meeting, with what they said."""
    query = select(Person, Attendance.answer).join(Attendance, Attendance.person_id == Person.id)
    query = query.where(Attendance.meeting_id == meeting_id).order_by(Person.id)
    return [(person, answer) for person, answer in session.execute(query)]
