"""Copies taken back into a store at rest: what is refused, and what becomes of the store before."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import backup, migrate
from storage.backup import BackupError
from storage.database import Database
from tests.storage.conftest import NOW
from tests.storage.files import add, ask, damage, names, people

ASIDE = "store.db.before-20261123-190000"


def restore(source: Path, database: Database) -> tuple[int, Path | None]:
    """Take a copy back; return how many messages it marked, and where the database before is."""
    with backup.replacement(source, database) as new:
        return new.marked, backup.put_in_place(new, database, NOW)


@pytest.fixture
def copy(database: Database, tmp_path: Path) -> Path:
    """Return a copy with Anna in it, while the store, which is at rest, has Bartosz too."""
    add(database, "Anna")
    backup.back_up(database, tmp_path / "copy.db")
    add(database, "Bartosz")
    database.close()
    return tmp_path / "copy.db"


@pytest.fixture(autouse=True)
def nothing_passing_is_left(tmp_path: Path) -> Iterator[None]:
    """Fail a test that leaves a file under a passing name."""
    yield
    assert [name for name in names(tmp_path) if ".part" in name] == []


def test_a_copy_is_taken_back_and_the_store_before_kept(
    copy: Path, database: Database, tmp_path: Path
) -> None:
    assert restore(copy, database) == (0, tmp_path / ASIDE)
    assert names(tmp_path) == ["copy.db", "store.db", ASIDE]
    assert people(tmp_path / ASIDE) == ["Anna", "Bartosz"]
    assert people(tmp_path / "store.db") == people(copy) == ["Anna"]
    add(database, "Celina")
    assert people(tmp_path / "store.db") == ["Anna", "Celina"]


def test_what_only_the_wal_of_a_killed_process_holds_is_kept_too(copy: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed.db"
    killed.write_bytes(copy.read_bytes())
    with closing(sqlite3.connect(killed, isolation_level=None)) as living:
        living.execute("PRAGMA journal_mode = WAL")
        living.execute("UPDATE person SET name = 'Dorota'")
        store = tmp_path / "left.db"
        for end in ("", "-wal"):
            (tmp_path / f"left.db{end}").write_bytes((tmp_path / f"killed.db{end}").read_bytes())
    aside = tmp_path / "left.db.before-20261123-190000"
    assert restore(copy, Database(f"sqlite:///{store}")) == (0, aside)
    assert people(aside) == ["Dorota"]
    assert [name for name in names(tmp_path) if name.endswith(("-wal", "-shm"))] == []


def test_what_the_wal_beside_somebody_elses_copy_holds_is_taken_back(copy: Path, tmp_path: Path) -> None:
    source, place = tmp_path / "raw.db", tmp_path / "new.db"
    with closing(sqlite3.connect(copy, isolation_level=None)) as living:
        living.execute("PRAGMA journal_mode = WAL")
        living.execute("UPDATE person SET name = 'Ewa'")
        for end in ("", "-wal"):
            (tmp_path / f"raw.db{end}").write_bytes((tmp_path / f"copy.db{end}").read_bytes())
    assert restore(source, Database(f"sqlite:///{place}")) == (0, None)
    assert people(place) == ["Ewa"]
    assert not (tmp_path / "new.db-wal").exists()


def test_nothing_that_waited_is_sent_again(copy: Path, database: Database, tmp_path: Path) -> None:
    states = ["pending", "claimed", "sending", "sent", "failed", "unreachable", "unknown"]
    ask(copy, "INSERT INTO run (announcement_id, due_at, state, cursor) VALUES (1, '', 'filling', 0)")
    for state in states:
        ask(
            copy,
            "INSERT INTO delivery (channel, address, priority, state, body, due_at, attempts, created_at)"
            " VALUES ('web', 'a', 0, ?, '{}', '', 0, '')",
            state,
        )
    ask(copy, "CREATE TABLE IF NOT EXISTS lease (name TEXT, owner TEXT, fence INTEGER, expires_at TEXT)")
    ask(copy, "INSERT INTO lease (name, owner, fence, expires_at) VALUES ('telegram', 'gone', 1, '')")
    assert restore(copy, database)[0] == 3
    found = [state for (state,) in ask(tmp_path / "store.db", "SELECT state FROM delivery ORDER BY id")]
    assert found == ["unknown"] * 3 + states[3:]
    assert ask(tmp_path / "store.db", "SELECT state FROM run") == [("filled",)]
    assert ask(tmp_path / "store.db", "SELECT * FROM lease") == []
    waiting = ask(copy, "SELECT count(*) FROM delivery WHERE state = 'pending'")
    assert waiting == [(1,)], "the copy itself stays as it is"


def test_a_copy_of_an_earlier_version_without_leases_is_taken_back(
    copy: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrate.known_revisions() | {"9999"}
    monkeypatch.setattr(migrate, "known_revisions", lambda: known)
    ask(copy, "DROP TABLE IF EXISTS lease")
    assert restore(copy, database)[0] == 0
    assert not migrate.is_current(database)


def remove(path: Path) -> None:
    """Let there be no file."""
    path.unlink()


def write_text(path: Path) -> None:
    """Let the file be a text."""
    path.write_text("This is no database.")


def empty(path: Path) -> None:
    """Let the file have no bytes, which for SQLite is a database without tables."""
    path.write_bytes(b"")


def take_tables(path: Path) -> None:
    """Let the file be a database of somebody else."""
    ask(path, "DROP TABLE alembic_version")


def take_version(path: Path) -> None:
    """Let the file be a database whose tables have all been taken back."""
    ask(path, "DELETE FROM alembic_version")


def make_newer(path: Path) -> None:
    """Let the file be of a version to come."""
    ask(path, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (remove, "There is no file"),
        (write_text, "not a sound SQLite database"),
        (empty, "of another program"),
        (take_tables, "of another program"),
        (take_version, "of another program"),
        (make_newer, r"newer version \(9999\)"),
        (damage, "not a sound SQLite database"),
    ],
)
def test_a_file_that_is_no_good_changes_nothing(
    copy: Path, database: Database, tmp_path: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    spoil(copy)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(BackupError, match=complaint):
        restore(copy, database)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_database_itself_is_no_copy(copy: Path, database: Database, tmp_path: Path) -> None:
    copy.unlink()
    (tmp_path / "other name").hardlink_to(tmp_path / "store.db")
    with pytest.raises(BackupError, match="the database itself"):
        restore(tmp_path / "other name", database)


def test_nobody_may_have_the_database_open(
    copy: Path, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 1)
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        assert other.execute("SELECT count(*) FROM person").fetchone() == (2,)
        with pytest.raises(BackupError, match="Another program has"):
            restore(copy, database)
        assert [name for name in names(tmp_path) if "before" in name or "part" in name] == []
    assert people(tmp_path / "store.db") == ["Anna", "Bartosz"]


def test_a_database_that_cannot_be_read_is_set_aside_as_it_is(
    copy: Path, database: Database, tmp_path: Path
) -> None:
    write_text(tmp_path / "store.db")
    assert restore(copy, database) == (0, tmp_path / ASIDE)
    assert names(tmp_path) == ["copy.db", "store.db", ASIDE]
    assert (tmp_path / ASIDE).read_text() == "This is no database."
    assert people(tmp_path / "store.db") == ["Anna"]


def test_into_an_empty_place_and_not_beside_an_old_wal(
    copy: Path, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "store.db").unlink()
    (tmp_path / "store.db-wal").write_text("left")
    assert restore(copy, database) == (0, None)
    assert names(tmp_path) == ["copy.db", "store.db", f"{ASIDE}-wal"]


def test_what_was_set_aside_is_never_written_over(copy: Path, database: Database, tmp_path: Path) -> None:
    restore(copy, database)
    with pytest.raises(BackupError, match="exists already"):
        restore(copy, database)
    assert people(tmp_path / ASIDE) == ["Anna", "Bartosz"]


def test_the_store_keeps_its_place_and_who_may_read_it(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    real = (tmp_path / "store.db").rename(tmp_path / "data" / "real.db")
    real.chmod(0o640)
    (tmp_path / "store.db").symlink_to(real)
    restore(copy, Database(f"sqlite:///{tmp_path / 'store.db'}"))
    assert (tmp_path / "store.db").is_symlink()
    assert people(real) == ["Anna"]
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_file_system_without_second_names_will_do(
    copy: Path, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_of: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    assert restore(copy, database) == (0, tmp_path / ASIDE)
    assert names(tmp_path) == ["copy.db", "store.db", ASIDE]
