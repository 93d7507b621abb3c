"""Broadcasts: the deliveries of an announcement's run, to whom it concerns as they are when it is filled."""

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Select, and_, case, func, insert, literal, select

from storage import room_letters
from storage.announcements import Audience, Group, get_announcement_of
from storage.database import Session, insert_into
from storage.deliveries import Content, Delivery, Priority, State
from storage.meetings import Answer, Attendance
from storage.people import Account, Person
from storage.runs import Run, RunState

PAGE = 2_000
"""How many deliveries are written in one transaction: so long do answers wait for it, some 25 ms."""


def add_contents(session: Session, run_id: int, bodies: dict[str, dict[str, Any]]) -> None:
    """Store the message of a run in each language, by locale."""
    rows = [{"run_id": run_id, "locale": locale, "body": body} for locale, body in bodies.items()]
    session.execute(insert(Content), rows)


def has_contents(session: Session, run: Run) -> bool:
    """Return whether the messages of a run are stored."""
    return session.scalar(select(Content.id).where(Content.run_id == run.id).limit(1)) is not None


def add_run_deliveries(session: Session, run: Run, now: datetime, page: int = PAGE) -> None:
    """Write the deliveries of a run's next `page` people; with the last of them the run is filled."""
    announcement = get_announcement_of(session, run)
    people = _recipients(Group(announcement.audience, announcement.meeting_id), run.cursor)
    next_page = people.order_by(Person.id).limit(page).cte("page")
    last, count = session.execute(select(func.max(next_page.c.id), func.count())).one()
    if count:
        # Up to the last of them and not so many: others may come to the page or go between the statements.
        people = people.where(Person.id <= last, Account.person_id <= last)
        _write_page(session, run, people.cte("page"), now)
        run.cursor = last
    if count < page:
        run.state = RunState.FILLED
    session.flush()


def count_recipients(session: Session, group: Group) -> dict[str, int]:
    """Return how many people an announcement would reach one by one now on each channel.

    Those who are told in a room are not counted.
    """
    people = _recipients(group).cte("people")
    query = select(Account.channel, func.count().label("people"))
    query = query.join(people, people.c.account_id == Account.id).group_by(Account.channel)
    told = room_letters.would_be_told(session) if group.audience is Audience.EVERYONE else None
    if told is not None:
        query = query.where(~told)
    return {row.channel: row.people for row in session.execute(query)}


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


def _write_page(session: Session, run: Run, people: CTE, now: datetime) -> None:
    """Write one delivery for each of these people on their account, unless that is told in a room."""
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
    if (told := room_letters.is_told(session, run)) is not None:
        rows = rows.where(~told)
    columns = ["channel", "address", "priority", "state", "content_id"]
    columns += ["run_id", "person_id", "due_at", "attempts", "created_at"]
    insertion = insert_into(session, Delivery).from_select(columns, rows)
    session.execute(insertion.on_conflict_do_nothing(index_elements=["run_id", "person_id"]))
