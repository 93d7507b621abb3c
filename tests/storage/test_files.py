"""Files in the store: kept with their announcements, forgotten without one, known by those who got them."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from storage import announcements, files, mailbox
from storage.announcements import Audience, Group
from storage.database import Database, Session
from storage.deliveries import Target, add_pushes
from storage.files import UNUSED_KEPT, Draft, File, FileCopy
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import broadcast

pytestmark = pytest.mark.stores("sqlite", "postgresql")

POSTER = Draft("plakat.png", "image/png", bytes(range(256)) * 4, 60, 40)


def keep(database: Database) -> File:
    """Store the poster."""
    return database.write(lambda session: files.add_file(session, POSTER, NOW))


def test_a_file_comes_back_as_it_was(database: Database) -> None:
    first, second = keep(database), keep(database)
    assert len(first.token) == 32
    assert first.token != second.token
    found = database.read(partial(files.get_file, file_id=first.id))
    assert found is not None
    assert (found.name, found.mimetype, found.size, found.width, found.height) == (
        "plakat.png",
        "image/png",
        1_024,
        60,
        40,
    )
    assert database.read(partial(files.get_data, file_id=first.id)) == POSTER.data
    assert database.read(partial(files.get_data, file_id=999)) is None
    assert database.read(partial(files.get_file, file_id=999)) is None


def test_a_platform_has_one_copy_in_each_place(database: Database) -> None:
    file = keep(database)
    for ref in ({"file_id": "old"}, {"file_id": "new"}):
        database.write(partial(files.set_copy, file_id=file.id, place="telegram", ref=ref))
    database.write(partial(files.set_copy, file_id=file.id, place="matrix", ref={"url": "mxc://a/b"}))

    def look(place: str) -> object:
        return database.read(partial(files.get_copy, file_id=file.id, place=place))

    assert (look("telegram"), look("matrix"), look("web")) == ({"file_id": "new"}, {"url": "mxc://a/b"}, None)
    database.write(partial(files.delete_copy, file_id=file.id, place="telegram"))
    assert (look("telegram"), look("matrix")) == (None, {"url": "mxc://a/b"})


def test_only_what_no_announcement_needs_is_deleted_and_not_at_once(
    database: Database, add: AddPerson
) -> None:
    unused, used = keep(database), keep(database)
    for file in (unused, used):
        database.write(partial(files.set_copy, file_id=file.id, place="telegram", ref={"file_id": "x"}))
    anna = add("Anna")

    def announce(session: Session) -> None:
        draft = announcements.Draft("x", Group(Audience.EVERYONE), NOW, None, "UTC", used.id)
        announcements.add_announcement(session, draft, anna, NOW)

    def left(session: Session) -> tuple[list[int], list[int]]:
        kept = sorted(row.id for row in session.query(File))
        return kept, sorted(row.file_id for row in session.query(FileCopy))

    database.write(announce)
    database.write(partial(files.delete_unused_files, now=NOW + UNUSED_KEPT))
    assert database.read(left) == ([unused.id, used.id], [unused.id, used.id])
    database.write(partial(files.delete_unused_files, now=NOW + UNUSED_KEPT + timedelta(seconds=1)))
    assert database.read(left) == ([used.id], [used.id])


def test_a_file_is_found_by_whoever_has_a_message_with_it(database: Database, add: AddPerson) -> None:
    add("Anna")
    body: dict[str, Any] = {"text": "x", "file": {"id": 1, "token": "t" * 32, "name": "a.png"}}
    letters = [(Target("web", "anna", 1), body), (Target("web", "jan", 2), {"text": "y"})]
    database.write(partial(add_pushes, letters=letters, now=NOW))

    def look(address: str, token: str = "t" * 32, channel: str = "web") -> object:
        found = partial(mailbox.get_file_ref, channel=channel, address=address, token=token)
        return database.read(found)

    assert look("anna") == body["file"]
    assert (look("jan"), look("nobody"), look("anna", "u" * 32)) == (None, None, None)
    assert look("anna", channel="telegram") is None
    broadcast(database, "waits")
    assert look("Anna", channel="telegram") is None
