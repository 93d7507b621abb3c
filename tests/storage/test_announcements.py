"""Announcements: whom a run reaches, and that each of them gets it exactly once."""

from typing import Any

import pytest

from storage import broadcasts, meetings, people
from storage.announcements import Audience, Group
from storage.database import Database, Session
from storage.deliveries import Content, Delivery
from storage.meetings import Answer
from storage.organisations import add_organisation
from storage.people import Account, Person
from storage.runs import Run, RunState
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import EVERYONE, claim, every_row, fill, fill_page, hold, start_run, state_of
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def reached(database: Database) -> list[str]:
    """Return the addresses that deliveries were written for."""
    return [row.address for row in every_row(database)]


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
            meetings.set_answer(session, meeting.id, account_of(session, name), answer, NOW)
        people.set_accounts_closed(session, "telegram", "closed", NOW)
        account_of(session, "only in groups").address = None
        return meeting.id

    for name in ("guest", "member", "coming", "perhaps", "not coming", "closed", "only in groups"):
        add(name)
    for name in ("opted out", "member who opted out", "coming, opted out"):
        add(name, wants_announcements=False)
    return database.write(work)


def named(session: Session, name: str) -> Person:
    """Return the person of a name."""
    return session.query(Person).filter_by(name=name).one()


def account_of(session: Session, name: str) -> Account:
    """Return the account of the person of a name."""
    return session.query(Account).filter_by(sender=name).one()


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
    count = database.read(lambda session: broadcasts.count_recipients(session, group))
    fill(database, start_run(database, group=group))
    assert reached(database) == expected
    assert count == {"telegram": len(expected)}


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
    due = claim(database, hold(database))
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
    database.write(lambda session: fill_page(session, run_id, 2))
    database.close()  # the process ends between two pages; the file is all that is left
    assert len(reached(database)) == min(2, people_count)
    database.write(lambda session: fill_page(session, run_id, 2))
    assert len(reached(database)) == min(4, people_count)
    fill(database, run_id, 2)
    assert reached(database) == names
    assert state_of(database, run_id) is RunState.FILLED


def test_a_page_that_was_not_committed_is_written_again(database: Database, add: AddPerson) -> None:
    for number in range(4):
        add(str(number))
    run_id = start_run(database)

    def crash(session: Session) -> None:
        fill_page(session, run_id, 2)
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


def test_somebody_on_two_channels_gets_it_once_on_the_one_they_prefer_while_it_is_open(
    database: Database, add: AddPerson
) -> None:
    anna, jan = add("Anna", preferred_channel="web"), add("Jan", preferred_channel="web")

    def work(session: Session) -> None:
        for person_id in (anna, jan):
            address = f"page {person_id}"
            session.add(Account(channel="web", sender=address, address=address, person_id=person_id))
        session.flush()
        people.set_accounts_closed(session, "web", f"page {jan}", NOW)

    database.write(work)
    assert database.read(lambda session: broadcasts.count_recipients(session, EVERYONE)) == {
        "telegram": 1,
        "web": 1,
    }
    fill(database, start_run(database))
    assert reached(database) == [f"page {anna}", "Jan"]


@pytest.mark.stores("postgresql")
def test_who_comes_to_a_page_while_it_is_written_pushes_nobody_out(
    database: Database, add: AddPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("0", "1", "2", "3"):
        add(name, wants_announcements=name != "1")
    write = broadcasts._write_page
    other = beside(database)

    def write_late(*arguments: Any) -> None:
        other.write(lambda session: setattr(named(session, "1"), "wants_announcements", True))
        write(*arguments)

    monkeypatch.setattr(broadcasts, "_write_page", write_late)
    fill(database, start_run(database), 2)
    other.close()
    assert reached(database) == ["0", "1", "2", "3"]
