"""The backlog: what leaves on a channel before a run is done there."""

import pytest

from storage import backlog
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session
from storage.deliveries import State
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import broadcast, change_run, claim, fill, hold, leave, push, record, start_run

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def ahead(database: Database, run_id: int) -> dict[str, int]:
    """Return what leaves before a run is done."""
    return database.read(lambda session: backlog.count_ahead(session, run_id))


def add_on_matrix(database: Database, name: str) -> None:
    """Add somebody on Matrix."""
    caller = Caller("matrix", name, name, private=True, name=name, locale="pl")
    database.write(lambda session: ensure_conversation(session, caller, NOW))


@pytest.fixture
def people(database: Database, add: AddPerson) -> None:
    """Let there be three people on Telegram and one on Matrix."""
    for name in ("Anna", "Jan", "Ola"):
        add(name)
    add_on_matrix(database, "Piotr")


@pytest.mark.usefixtures("people")
def test_what_waits_and_what_is_in_hand_is_counted_until_it_has_left(database: Database) -> None:
    run_id, term = broadcast(database, "Cześć"), hold(database)
    assert ahead(database, run_id) == {"telegram": 3, "matrix": 1}
    due = claim(database, term)
    assert ahead(database, run_id) == {"telegram": 3, "matrix": 1}
    leave(database, due[:2], term)
    assert ahead(database, run_id) == {"telegram": 3, "matrix": 1}
    for one, state in zip(due, (State.SENT, State.FAILED, State.UNKNOWN), strict=True):
        record(database, one, state)
    assert ahead(database, run_id) == {"matrix": 1}


@pytest.mark.usefixtures("people")
def test_other_runs_share_the_channel_while_they_may_leave(database: Database) -> None:
    run_id, other, third = (broadcast(database, text) for text in ("raz", "dwa", "trzy"))
    assert ahead(database, run_id) == {"telegram": 9, "matrix": 3}
    change_run(database, other, "paused")
    change_run(database, third, "stopped")
    assert ahead(database, run_id) == {"telegram": 3, "matrix": 1}
    change_run(database, other, "resumed")
    assert ahead(database, run_id) == {"telegram": 6, "matrix": 2}


def test_a_channel_where_a_run_has_nothing_left_does_not_hold_it_up(
    database: Database, add: AddPerson
) -> None:
    add("Anna")
    run_id = broadcast(database, "raz")
    add_on_matrix(database, "Piotr")
    other = broadcast(database, "dwa")
    assert ahead(database, run_id) == {"telegram": 2}
    assert ahead(database, other) == {"telegram": 2, "matrix": 1}


def test_notices_are_not_counted(database: Database, add: AddPerson) -> None:
    add("Anna")
    push(database, "Zmiana sali")
    run_id = start_run(database)
    assert ahead(database, run_id) == {}
    fill(database, run_id)
    assert ahead(database, run_id) == {"telegram": 1}


@pytest.mark.stores("sqlite")
def test_the_table_is_not_walked_through(database: Database) -> None:
    def work(session: Session) -> list[str]:
        query = backlog._BACKLOG.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        return [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]

    plan = "\n".join(database.read(work))
    assert "SEARCH delivery USING INDEX ix_delivery_pending (run_id=?)" in plan
    assert "SEARCH delivery USING INDEX ix_delivery_run_id_state (run_id=? AND state=?)" in plan
    assert "SCAN delivery" not in plan
