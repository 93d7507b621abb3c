"""Announcements: when they are due, that each time is sent once, and who may read them afterwards."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from storage import announcements, deliveries, meetings
from storage.announcements import Announcement, Audience, Draft, Group, RunBirth
from storage.database import Database, Session
from storage.deliveries import State
from storage.organisations import add_organisation
from storage.people import Person
from storage.runs import Run, RunState
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    EVERYONE,
    at_once,
    broadcast,
    change_run,
    claim,
    hold,
    record,
    start_run,
)

pytestmark = pytest.mark.stores("sqlite", "postgresql")

HOUR = timedelta(hours=1)


def announce(database: Database, text: str, due_at: datetime = NOW) -> int:
    """Store an announcement of the first person and return its id."""
    draft = Draft(text, EVERYONE, due_at, None, "Europe/Warsaw")
    return database.write(lambda session: announcements.add_announcement(session, draft, 1, NOW).id)


def due_texts(session: Session, now: datetime = NOW, limit: int = 100) -> list[str]:
    """Return the texts of the announcements that are due."""
    return [one.text for one in announcements.list_due_announcements(session, now, limit)]


def births(due: Sequence[Announcement], next_at: datetime | None = None) -> list[RunBirth]:
    """Let announcements become runs."""
    return [RunBirth(one, next_at, RunState.FILLING) for one in due]


def test_the_longest_waiting_announcement_is_due_first(database: Database, add: AddPerson) -> None:
    add("Ewa")
    announce(database, "second", NOW - HOUR)
    announce(database, "first", NOW - 2 * HOUR)
    announce(database, "third", NOW - HOUR)
    announce(database, "later", NOW + HOUR)
    assert database.write(due_texts) == ["first", "second", "third"]
    assert database.write(lambda session: due_texts(session, limit=2)) == ["first", "second"]
    assert database.write(lambda session: due_texts(session, NOW + HOUR))[-1] == "later"
    coming = database.read(lambda session: announcements.list_coming_announcements(session, 2))
    assert [one.text for one in coming] == ["first", "second"]


def test_a_due_announcement_becomes_one_run_and_is_due_again_at_its_next_time(
    database: Database, add: AddPerson
) -> None:
    add("Ewa")
    announce(database, "weekly")
    announce(database, "other")

    def work(session: Session) -> int:
        due = announcements.list_due_announcements(session, NOW)
        ids = announcements.add_runs(session, births(due, NOW + HOUR))
        assert [one.next_at for one in due] == [NOW + HOUR] * len(due)
        return len(ids)

    assert database.write(work) == 2
    assert database.write(work) == 0
    assert database.read(announcements.get_next_due_at) == NOW + HOUR
    found = database.read(lambda session: session.query(Run).order_by(Run.announcement_id).all())
    assert [(run.announcement_id, run.due_at) for run in found] == [(1, NOW), (2, NOW)]
    assert [(run.state, run.cursor, run.paused_at) for run in found] == [(RunState.FILLING, 0, None)] * 2


def test_a_time_that_was_a_run_already_is_none_again_but_others_beside_it_are(
    database: Database, add: AddPerson
) -> None:
    add("Ewa")
    again = announce(database, "again")

    def work(session: Session) -> list[int | None]:
        due = announcements.list_due_announcements(session, NOW)
        ids = announcements.add_runs(session, births(due))
        return [session.get_one(Run, run_id).announcement_id for run_id in ids]

    assert database.write(work) == [again]
    assert database.write(work) == []
    other = announce(database, "other")
    database.write(lambda session: setattr(session.get_one(Announcement, again), "next_at", NOW))
    assert database.write(work) == [other]
    assert database.read(announcements.get_next_due_at) is None


@pytest.mark.stores("postgresql")
def test_what_another_process_is_just_turning_into_runs_is_left_out(
    database: Database, add: AddPerson
) -> None:
    add("Ewa")
    for text in ("one", "two", "three"):
        announce(database, text)

    def work(session: Session) -> list[str]:
        mine = announcements.list_due_announcements(session, NOW, 2)
        theirs = at_once(database, due_texts)
        announcements.add_runs(session, births(mine))
        return theirs

    assert database.write(work) == ["three"]
    assert database.write(due_texts) == ["three"]


def test_what_is_cancelled_is_not_due(database: Database, add: AddPerson) -> None:
    add("Ewa")
    announce(database, "one")

    def work(session: Session) -> tuple[datetime | None, int]:
        [announcement] = announcements.list_due_announcements(session, NOW)
        assert announcements.list_due_announcements(session, NOW - HOUR) == []
        announcements.set_announcement_cancelled(session, announcement, NOW)
        return announcements.get_next_due_at(session), len(announcements.list_due_announcements(session, NOW))

    assert database.write(work) == (None, 0)


def test_states_are_counted_by_run(database: Database, add: AddPerson) -> None:
    for name in ("Anna", "Jan", "Ewa"):
        add(name)
    first, second = broadcast(database, "one"), start_run(database)
    record(database, claim(database, hold(database), limit=1)[0], State.SENT)
    counts = database.read(lambda session: deliveries.count_states(session, [first, second]))
    assert counts == {first: {State.SENT: 1, State.PENDING: 2}, second: {}}


def test_past_announcements_come_in_pages_and_tell_how_they_are(database: Database, add: AddPerson) -> None:
    anna = add("Anna")
    ids = [start_run(database) for _ in range(4)]
    change_run(database, ids[1], "paused")
    change_run(database, ids[2], "stopped")

    def look(session: Session, before: int | None) -> list[tuple[int, RunState, datetime | None]]:
        found = announcements.list_past_runs(session, session.get_one(Person, anna), 2, before)
        return [(run.id, run.state, run.paused_at) for run in found]

    assert database.read(lambda session: look(session, None)) == [
        (ids[3], RunState.FILLING, None),
        (ids[2], RunState.STOPPED, None),
    ]
    assert database.read(lambda session: look(session, ids[2])) == [
        (ids[1], RunState.FILLING, NOW),
        (ids[0], RunState.FILLING, None),
    ]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (lambda person, _: person, ["everyone"]),
        (lambda person, theirs: setattr(person, "organisation_id", theirs), ["everyone", "members"]),
        (
            lambda person, _: setattr(person, "coordinates", True),
            ["everyone", "members", "meeting", "skipped"],
        ),
    ],
)
def test_past_announcements_are_shown_to_whom_they_were_for(
    database: Database, add: AddPerson, who: Callable[[Person, int], object], seen: list[str]
) -> None:
    anna = add("Anna")

    def work(session: Session) -> list[str]:
        organisation = add_organisation(session, "Wodociągi", "company").id
        meeting = meetings.add_meeting(session, meetings.Draft("Rada", NOW, "Ratusz", "", None), anna)
        for text in ("everyone", "members", "meeting", "skipped"):
            audience = Audience.EVERYONE if text == "skipped" else Audience(text)
            group = Group(audience, meeting.id if text == "meeting" else None)
            draft = Draft(text, group, NOW, None, "Europe/Warsaw")
            announcement = announcements.add_announcement(session, draft, anna, NOW)
            state = RunState.SKIPPED if text == "skipped" else RunState.FILLED
            announcements.add_runs(session, [RunBirth(announcement, None, state)])
        person = session.get_one(Person, anna)
        who(person, organisation)
        session.flush()
        return [run.text for run in announcements.list_past_runs(session, person, 10)][::-1]

    assert database.write(work) == seen
