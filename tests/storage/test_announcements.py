"""Announcements: whom a run reaches, and that each of them gets it exactly once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from storage import announcements, deliveries, meetings, people
from storage.announcements import Audience, Draft, Group, Run, RunState
from storage.database import Database, Session
from storage.deliveries import Content, Delivery, State
from storage.meetings import Answer
from storage.organisations import add_organisation
from storage.people import Account, Person
from tests.storage.conftest import NOW, AddPerson

HOUR = timedelta(hours=1)
EVERYONE = Group(Audience.EVERYONE)


def start_run(database: Database, group: Group = EVERYONE, author: int = 1) -> int:
    """Store an announcement which is due, turn it into a run and return the run's id."""

    def work(session: Session) -> int:
        draft = Draft("Dzień dobry", group, NOW, None, "Europe/Warsaw")
        announcement = announcements.add_announcement(session, draft, author, NOW)
        run = announcements.claim_run(session, announcement, None, RunState.FILLING)
        assert run is not None
        announcements.add_contents(session, run.id, {"pl": {"text": "Cześć"}, "en": {"text": "Hello"}})
        return run.id

    return database.write(work)


def fill(database: Database, run_id: int, page: int = 5_000) -> None:
    """Write every delivery of a run, each page in a transaction of its own."""
    while database.write(lambda s: announcements.add_run_deliveries(s, run_id, NOW, page)):
        pass


def reached(database: Database) -> list[str]:
    """Return the addresses that deliveries were written for."""
    return database.read(lambda s: [row.address for row in s.query(Delivery).order_by(Delivery.id)])


@pytest.fixture
def meeting_id(database: Database, add: AddPerson) -> int:
    """Return a meeting of a town full of people, each of whom is what their name says."""

    def work(session: Session) -> int:
        organisation = add_organisation(session, "Wodociągi", "company").id
        for name in ("member", "member who opted out"):
            named(session, name).organisation_id = organisation
        meeting = meetings.add_meeting(session, meetings.Draft("Rada", NOW, "Ratusz", "", None), 1)
        answers = {"coming": Answer.YES, "perhaps": Answer.MAYBE, "not coming": Answer.NO}
        answers["coming, opted out"] = Answer.YES
        for name, answer in answers.items():
            meetings.set_answer(session, meeting.id, named(session, name).id, answer, NOW)
        people.set_accounts_closed(session, "telegram", "closed", NOW)
        session.query(Account).filter_by(sender="only in groups").one().address = None
        return meeting.id

    for name in ("guest", "member", "coming", "perhaps", "not coming", "closed", "only in groups"):
        add(name)
    for name in ("opted out", "member who opted out", "coming, opted out"):
        add(name, wants_announcements=False)
    return database.write(work)


def named(session: Session, name: str) -> Person:
    """Return the person of a name."""
    return session.query(Person).filter_by(name=name).one()


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (Audience.EVERYONE, ["guest", "member", "coming", "perhaps", "not coming"]),
        (Audience.MEMBERS, ["member"]),
        (Audience.MEETING, ["coming"]),
    ],
)
def test_an_audience_is_who_it_says_and_the_count_is_what_is_written(
    database: Database, meeting_id: int, audience: Audience, expected: list[str]
) -> None:
    group = Group(audience, meeting_id if audience is Audience.MEETING else None)
    count = database.read(lambda session: announcements.count_recipients(session, group))
    fill(database, start_run(database, group))
    assert reached(database) == expected
    assert count == len(expected)


def test_the_audience_is_who_it_is_at_the_time_of_sending(database: Database, add: AddPerson) -> None:
    add("Anna")
    leaver = add("Leaver")
    run_id = start_run(database)
    add("Newcomer")
    database.write(lambda session: setattr(session.get_one(Person, leaver), "wants_announcements", False))
    fill(database, run_id)
    assert reached(database) == ["Anna", "Newcomer"]


def test_everybody_gets_their_own_language_from_one_shared_text(database: Database, add: AddPerson) -> None:
    for name, locale in (("Anna", "pl"), ("John", "en"), ("Jan", "pl")):
        add(name, locale)
    fill(database, start_run(database))
    due = database.write(lambda session: deliveries.claim_due(session, "telegram", "me", NOW))
    assert [(one.address, one.body["text"]) for one in due] == [
        ("Anna", "Cześć"),
        ("John", "Hello"),
        ("Jan", "Cześć"),
    ]
    assert database.read(lambda session: session.query(Content).count()) == 2
    assert database.read(lambda session: {row.body for row in session.query(Delivery)}) == {None}


@pytest.mark.parametrize("people_count", [1, 2, 3, 5])
def test_pages_go_on_where_they_were_without_doubles(
    database: Database, add: AddPerson, people_count: int
) -> None:
    names = [f"person {number}" for number in range(people_count)]
    for name in names:
        add(name)
    run_id = start_run(database)
    database.write(lambda session: announcements.add_run_deliveries(session, run_id, NOW, 2))
    database.close()  # the process ends between two pages; the file is all that is left
    assert len(reached(database)) == min(2, people_count)
    fill(database, run_id, 2)
    assert reached(database) == names
    assert database.read(lambda session: session.get_one(Run, run_id).state) is RunState.FILLED


def test_a_page_that_was_not_committed_is_written_again(database: Database, add: AddPerson) -> None:
    for number in range(4):
        add(str(number))
    run_id = start_run(database)

    def crash(session: Session) -> None:
        announcements.add_run_deliveries(session, run_id, NOW, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(crash)
    assert reached(database) == []
    fill(database, run_id, 2)
    assert reached(database) == ["0", "1", "2", "3"]


def test_a_page_with_people_who_have_it_already_writes_the_others(database: Database, add: AddPerson) -> None:
    for number in range(4):
        add(str(number))
    run_id = start_run(database)
    fill(database, run_id, 3)
    database.write(lambda session: rewind(session.get_one(Run, run_id)))
    add("4")
    fill(database, run_id, 3)
    assert reached(database) == ["0", "1", "2", "3", "4"]


def rewind(run: Run) -> None:
    """Begin a run anew, as if nobody knew how far it had come."""
    run.cursor, run.state = 0, RunState.FILLING


def test_somebody_on_two_channels_gets_it_once_on_the_older_open_one(
    database: Database, add: AddPerson
) -> None:
    anna, jan = add("Anna"), add("Jan")

    def work(session: Session) -> None:
        for person_id in (anna, jan):
            session.add(Account(channel="web", sender=f"w{person_id}", address="page", person_id=person_id))
        people.set_accounts_closed(session, "telegram", "Jan", NOW)

    database.write(work)
    fill(database, start_run(database))
    where = database.read(lambda s: [(row.channel, row.person_id) for row in s.query(Delivery)])
    assert sorted(where) == [("telegram", anna), ("web", jan)]


def test_a_due_announcement_becomes_one_run_whoever_asks(database: Database, add: AddPerson) -> None:
    author = add("Ewa")

    def work(session: Session) -> list[bool]:
        draft = Draft("Dzień dobry", EVERYONE, NOW, "FREQ=WEEKLY;BYDAY=MO", "Europe/Warsaw")
        announcement = announcements.add_announcement(session, draft, author, NOW)
        session.expunge(announcement)  # each of two processes has read the row before either claims it
        claims = [
            announcements.claim_run(session, announcement, NOW + hours * HOUR, RunState.FILLING)
            for hours in (1, 2)
        ]
        return [run is not None for run in claims]

    assert database.write(work) == [True, False]
    assert database.read(announcements.get_next_due_at) == NOW + HOUR


def test_a_time_that_was_sent_is_not_sent_again(database: Database, add: AddPerson) -> None:
    author = add("Ewa")

    def claim(session: Session, announcement_id: int) -> bool:
        announcement = announcements.get_announcement(session, announcement_id)
        assert announcement is not None
        announcement.next_at = NOW
        session.flush()
        return announcements.claim_run(session, announcement, None, RunState.FILLING) is not None

    draft = Draft("Dzień dobry", EVERYONE, NOW, None, "Europe/Warsaw")
    one = database.write(lambda session: announcements.add_announcement(session, draft, author, NOW).id)
    assert database.write(lambda session: claim(session, one))
    assert not database.write(lambda session: claim(session, one))


def test_what_is_cancelled_is_not_due(database: Database, add: AddPerson) -> None:
    author = add("Ewa")

    def work(session: Session) -> tuple[datetime | None, int]:
        draft = Draft("Dzień dobry", EVERYONE, NOW, None, "Europe/Warsaw")
        announcement = announcements.add_announcement(session, draft, author, NOW)
        assert announcements.list_due_announcements(session, NOW) == [announcement]
        assert announcements.list_due_announcements(session, NOW - HOUR) == []
        announcements.set_announcement_cancelled(session, announcement, NOW)
        return announcements.get_next_due_at(session), len(announcements.list_due_announcements(session, NOW))

    assert database.write(work) == (None, 0)


def test_states_are_counted_by_run(database: Database, add: AddPerson) -> None:
    for name in ("Anna", "Jan", "Ewa"):
        add(name)
    first, second = start_run(database), start_run(database)
    fill(database, first)
    due = database.write(lambda session: deliveries.claim_due(session, "telegram", "me", NOW, 1))
    outcome = deliveries.Outcome(due[0], State.SENT)
    database.write(lambda session: deliveries.record_outcomes(session, [outcome], "me"))
    counts = database.read(lambda session: deliveries.count_states(session, [first, second]))
    assert counts == {first: {State.SENT: 1, State.PENDING: 2}, second: {}}


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
            announcements.claim_run(session, announcement, None, state)
        person = session.get_one(Person, anna)
        who(person, organisation)
        session.flush()
        return [run.text for run in announcements.list_past_runs(session, person, 10)][::-1]

    assert database.write(work) == seen
