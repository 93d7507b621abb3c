"""Migrations: up, down and up again, with rows in every table."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from storage import (
    announcements,
    applications,
    broadcasts,
    claims,
    conversations,
    deliveries,
    devices,
    files,
    leases,
    limits,
    links,
    meetings,
    migrate,
    rooms,
)
from storage.announcements import Announcement, Audience, Group, RunBirth
from storage.applications import Application
from storage.claims import Purpose
from storage.conversations import Caller, ensure_conversation
from storage.database import Base, Database, Session
from storage.knowledge import KnowledgeEntry, add_entries
from storage.meetings import Answer, Attendance
from storage.organisations import add_organisation
from storage.people import Account
from storage.runs import Run, RunState
from tests.storage.conftest import NOW, AddPerson
from tests.stores import NewStore

pytestmark = pytest.mark.stores("sqlite", "postgresql")

DAY = timedelta(days=1)

TABLES = sorted(Base.metadata.tables)


@pytest.fixture
def empty(new_store: NewStore) -> Iterator[Database]:
    """Return a store without tables; on SQLite its file does not exist yet."""
    database = Database(new_store(None))
    yield database
    database.close()


def fill(session: Session, person_id: int) -> None:
    """Put rows into every table; the person has filled their own three already."""
    account = session.query(Account).filter_by(person_id=person_id).one()
    add_organisation(session, "Wodociągi", "company", ["ZWiK"])
    meeting_draft = meetings.Draft("Rada", NOW, "Ratusz", "Budżet", None)
    meeting = meetings.add_meeting(session, meeting_draft, person_id)
    meetings.set_answer(session, meeting.id, account, Answer.YES, NOW)
    file = files.add_file(session, files.Draft("plakat.png", "image/png", b"data"), NOW)
    files.set_copy(session, file.id, "telegram", {"file_id": "abc"})
    draft = announcements.Draft("Dzień dobry", Group(Audience.MEETING, meeting.id), NOW, None, "UTC", file.id)
    announcement = announcements.add_announcement(session, draft, person_id, NOW)
    [run_id] = announcements.add_runs(session, [RunBirth(announcement, None, RunState.FILLING)])
    broadcasts.add_contents(session, run_id, {"pl": {"text": "Dzień dobry"}})
    broadcasts.add_run_deliveries(session, session.get_one(Run, run_id), NOW, 1)
    applications.add_application(session, applications.Draft("A", "B", "C", "D"), account, NOW)
    claims.add_claim(session, Purpose.LINK, NOW, account.id)
    add_link(session, account)
    conversations.add_receipt(session, "telegram", "1", NOW)
    leases.claim_leases(session, ["telegram"], "me", NOW, DAY)
    limits.take(session, "key", limits.Rate(1, DAY), NOW)
    devices.set_generation(session, "matrix", 7)
    rooms.set_room(session, "matrix", "!room", "Tablica", ["@anna"])
    add_entries(session, [KnowledgeEntry(**entry())])


def add_link(session: Session, account: Account) -> None:
    """Let an account be linked with one of somebody new."""
    caller = Caller("web", "page", "page", private=True, name="", locale="pl")
    other = ensure_conversation(session, caller, NOW).account
    pair = links.lock_pair(session, account, other.id)
    assert pair is not None
    links.set_linked(session, pair, NOW)


def entry() -> dict[str, Any]:
    """Return the columns of a knowledge entry."""
    texts = dict.fromkeys(("topic", "kind", "label", "answer", "source", "as_of"), "x")
    return {**texts, "locale": "pl", "phrasings": ["x?"], "changed_at": NOW}


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with database.engine.connect() as connection:
        found = {
            name: connection.execute(table.select()).all() for name, table in Base.metadata.tables.items()
        }
    return {name: sorted(map(tuple, table), key=str) for name, table in found.items()}


def tables(database: Database) -> list[str]:
    """Return the names of the tables that there are."""
    return sorted(inspect(database.engine).get_table_names())


@pytest.fixture
def full(database: Database, add: AddPerson) -> Database:
    """Return a store with rows in every table."""
    anna = add("Anna")
    database.write(lambda session: fill(session, anna))
    assert [name for name, found in rows(database).items() if not found] == []
    return database


def test_up_makes_every_table_and_nothing_drifts(empty: Database) -> None:
    assert not migrate.is_current(empty)
    migrate.upgrade(empty)
    assert tables(empty) == sorted([*TABLES, "alembic_version"])
    assert migrate.is_current(empty)
    migrate.check(empty)


def test_drift_would_be_noticed(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE meeting ADD COLUMN colour VARCHAR")
    with pytest.raises(Exception, match="colour"):
        migrate.check(database)


def test_up_again_changes_no_row(full: Database) -> None:
    before = rows(full)
    migrate.upgrade(full)
    assert rows(full) == before


def test_down_with_rows_and_up_again(full: Database) -> None:
    migrate.downgrade(full, "base")
    assert tables(full) == ["alembic_version"]
    assert not migrate.is_current(full)
    migrate.upgrade(full)
    assert migrate.is_current(full)
    assert all(found == [] for found in rows(full).values())
    migrate.check(full)


def test_one_step_down_leaves_runs_which_the_older_program_knows(full: Database) -> None:
    for number, state in enumerate(RunState):
        due_at = NOW + number * DAY
        run = Run(id=number + 1, announcement_id=1, due_at=due_at, state=state, cursor=0, paused_at=NOW)
        full.write(partial(Session.merge, instance=run))
    migrate.downgrade(full, "0001")
    with full.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT state FROM run ORDER BY due_at").scalars().all()
    assert found == ["filling", "filled", "filled", "skipped", "skipped"]
    migrate.upgrade(full)
    migrate.check(full)


def test_a_step_down_to_before_links_leaves_one_person_and_no_code_for_linking(full: Database) -> None:
    server, shown = (full.write(partial(claims.add_claim, purpose=one, now=NOW)) for one in Purpose)
    migrate.downgrade(full, "0002")
    migrate.upgrade(full)
    migrate.check(full)

    def try_code(session: Session, code: str, purpose: Purpose) -> bool:
        return claims.try_code(session, purpose, code, "me", NOW) is not None

    assert full.write(partial(try_code, code=server, purpose=Purpose.COORDINATE))
    for purpose in Purpose:
        assert not full.write(partial(try_code, code=shown, purpose=purpose))
    accounts = full.read(lambda session: {account.person_id for account in session.query(Account)})
    assert len(accounts) == 1


def test_what_was_done_before_links_was_done_on_the_only_account(full: Database) -> None:
    migrate.downgrade(full, "0002")
    migrate.upgrade(full)
    before = full.read(lambda session: session.query(Account).filter_by(channel="telegram").one().id)

    def accounts(session: Session) -> list[int | None]:
        return [row.account_id for row in (session.query(Attendance).one(), session.query(Application).one())]

    assert full.read(accounts) == [before, before]


@pytest.mark.stores("sqlite")
def test_no_row_points_to_nothing(full: Database) -> None:
    with full.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def rebuild_person(config: Config) -> None:
    """Do what a batch migration does on SQLite: write the table `person` anew and drop the old one."""
    context = MigrationContext.configure(config.attributes["connection"])
    with Operations(context).batch_alter_table("person", recreate="always") as batch:
        batch.alter_column("name", nullable=False)


@pytest.mark.stores("sqlite")
def test_rebuilding_a_table_keeps_the_rows_that_point_to_it(full: Database) -> None:
    before = rows(full)
    migrate._run(full, rebuild_person)
    assert rows(full) == before


def lose_a_person(config: Config) -> None:
    """Do what a bad migration does."""
    config.attributes["connection"].exec_driver_sql("DELETE FROM person")


def test_a_migration_that_loses_a_row_which_others_need_is_taken_back(full: Database) -> None:
    before = rows(full)
    with pytest.raises(Exception, match=r"point to nothing|foreign key"):
        migrate._run(full, lose_a_person)
    assert rows(full) == before


def break_half_way(config: Config) -> None:
    """Change the tables and fail."""
    config.attributes["connection"].exec_driver_sql("DROP TABLE delivery")
    raise LookupError


def test_a_migration_that_fails_half_way_is_taken_back(full: Database) -> None:
    before = rows(full)
    with pytest.raises(LookupError):
        migrate._run(full, break_half_way)
    assert rows(full) == before


@pytest.mark.stores("sqlite")
def test_rows_mean_the_same_to_the_program_afterwards(full: Database) -> None:
    migrate._run(full, rebuild_person)

    def look(session: Session) -> tuple[str, str, RunState, int]:
        account = session.query(Account).filter_by(channel="telegram").one()
        announcement = session.query(Announcement).one()
        states = deliveries.count_states(session, [1])
        return account.sender, announcement.text, session.get_one(Run, 1).state, sum(states[1].values())

    assert full.read(look) == ("Anna", "Dzień dobry", RunState.FILLING, 1)
