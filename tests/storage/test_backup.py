"""Copies of a store at work: sound, of one moment, and nothing left of one that failed."""

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import backup
from storage.backup import BackupError
from storage.database import Database, Session
from storage.people import Person
from tests.storage.files import add, ask, damage, names, people


def test_a_copy_of_a_store_at_work_is_sound_and_of_one_moment(database: Database, tmp_path: Path) -> None:
    one, two = add(database, "0"), add(database, "0")
    ended, begun = threading.Event(), threading.Event()

    def count(session: Session) -> None:
        for person_id in (one, two):
            person = session.get_one(Person, person_id)
            person.name = str(int(person.name) + 1)
            session.flush()

    def write() -> None:
        while not ended.is_set():
            database.write(count)
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert begun.wait(30)
        try:
            for number in range(5):
                known = int(database.read(lambda session: session.get_one(Person, one).name))
                copy = tmp_path / f"{number}.db"
                backup.back_up(database, copy)
                assert ask(copy, "PRAGMA integrity_check") == [("ok",)]
                first, second = people(copy)
                assert first == second
                assert int(first) >= known
        finally:
            ended.set()
        writing.result(30)


def test_a_copy_is_one_file_for_its_owner_only(database: Database, tmp_path: Path) -> None:
    database.close()
    backup.back_up(database, tmp_path / "copy.db")
    assert names(tmp_path) == ["copy.db", "store.db"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_what_is_there_already_is_not_written_over(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    before = names(tmp_path)
    for target in (tmp_path / "file", tmp_path, tmp_path / "link"):
        with pytest.raises(BackupError, match="exists already"):
            backup.back_up(database, target)
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == before


def test_no_database_is_made_in_order_to_copy_it(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="There is no database"):
        backup.back_up(Database(f"sqlite:///{tmp_path / 'new.db'}"), tmp_path / "copy.db")
    assert names(tmp_path) == []


def test_a_folder_that_is_missing_is_not_made(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no folder"):
        backup.back_up(database, tmp_path / "missing" / "copy.db")


def full_disk(_descriptor: int) -> None:
    """Do what the system does when nothing fits any more."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(*_of: object) -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "trouble"),
    [("os.fsync", full_disk), ("os.fsync", interrupt), ("pathlib.Path.rename", interrupt)],
)
def test_a_copy_that_fails_leaves_no_file(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trouble: Callable[..., None],
) -> None:
    before = names(tmp_path)
    monkeypatch.setattr(name, trouble)
    with pytest.raises((BackupError, KeyboardInterrupt)):
        backup.back_up(database, tmp_path / "copy.db")
    assert names(tmp_path) == before


def test_a_damaged_store_is_not_copied(database: Database, tmp_path: Path) -> None:
    database.close()
    damage(tmp_path / "store.db")
    with pytest.raises(BackupError, match=r"no copy was made|not a sound"):
        backup.back_up(database, tmp_path / "copy.db")
    assert names(tmp_path) == ["store.db"]


def test_the_address_of_postgresql_is_without_its_password() -> None:
    url = "postgresql://bot:s3cret@host:5433/name?sslmode=require&sslpassword=s3cret"
    found = backup.address_without_password(Database(url))
    assert found == "postgresql://bot@host:5433/name?sslmode=require"
