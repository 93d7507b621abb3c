"""The lock: one process at a time on a SQLite file, and SQLite's own locks left alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage import lock
from storage.database import Database, StoreUnavailable
from storage.people import Person, add_person
from tests.storage.conftest import NOW

HOLDER = """
import sys
from storage import lock
from storage.database import Database
with lock.hold(Database(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_holds_it_at_a_time(database: Database) -> None:
    other = Database(f"sqlite:///{database.path}")
    with lock.hold(database), pytest.raises(lock.StoreInUse, match=r"store\.db: stop it first"):  # noqa: SIM117
        with lock.hold(other):
            pytest.fail("two hold it")
    with lock.hold(other):
        pass


def test_another_name_of_the_same_file_is_the_same_store(database: Database, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    with lock.hold(database), pytest.raises(lock.StoreInUse, match=r"link\.db"):  # noqa: SIM117
        with lock.hold(Database(f"sqlite:///{tmp_path / 'link.db'}")):
            pytest.fail("two hold it")


def test_it_is_free_again_when_its_process_was_killed(database: Database) -> None:
    arguments = [sys.executable, "-c", HOLDER, f"sqlite:///{database.path}"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(lock.StoreInUse), lock.hold(database):
            pytest.fail("two hold it")
        process.kill()
    with lock.hold(database):
        pass


def test_others_may_still_read_and_write(database: Database) -> None:
    other = Database(f"sqlite:///{database.path}")
    with lock.hold(database):
        other.write(lambda session: add_person(session, "Anna", "pl", NOW))
    assert database.read(lambda session: session.query(Person).count()) == 1
    other.close()


def test_it_makes_no_database(tmp_path: Path) -> None:
    with lock.hold(Database(f"sqlite:///{tmp_path / 'new.db'}")):
        assert [path.name for path in tmp_path.iterdir()] == ["new.db-lock"]


def test_a_folder_that_is_missing_is_a_store_that_is_unavailable(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match="No such file"),
        lock.hold(Database(f"sqlite:///{tmp_path / 'missing' / 'store.db'}")),
    ):
        pytest.fail("nothing to hold")


def test_postgresql_may_be_shared() -> None:
    database = Database("postgresql://nobody@localhost/nothing")
    with lock.hold(database), lock.hold(database):
        pass
