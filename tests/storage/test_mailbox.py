"""The mailbox of an address: what is in it, in which order, and what came into it late."""

import pytest

from storage import mailbox
from storage.database import Database
from storage.deliveries import State, Target
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import MINUTE, broadcast, change_run, claim, hold, leave, push, record

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def look(database: Database, after: int = 0, limit: int = 10, address: str = "home") -> list[str]:
    """Return the texts in the mailbox of an address."""
    letters = database.read(lambda session: mailbox.list_mailbox(session, "telegram", address, after, limit))
    return [letter.body["text"] for letter in letters]


def test_the_mailbox_is_in_order_and_goes_on_after_an_id(database: Database) -> None:
    for text in ("a", "b", "c"):
        push(database, text)
    push(database, "not mine", target=Target("telegram", "other", 2))
    push(database, "not here", target=Target("web", "home", 1))
    assert look(database) == ["a", "b", "c"]
    assert look(database, limit=2) == ["a", "b"]
    assert look(database, after=2) == ["c"]


def test_the_mailbox_leaves_out_what_only_waits_in_a_broadcast(database: Database, add: AddPerson) -> None:
    add("Anna")
    term, run_id = hold(database), broadcast(database, "broadcast")
    push(database, "push", target=Target("telegram", "Anna", 1))
    assert look(database, address="Anna") == ["push"]
    due = [one for one in claim(database, term) if one.run_id == run_id]
    assert look(database, address="Anna") == ["push"]
    leave(database, due, term)
    assert look(database, address="Anna") == ["broadcast", "push"]
    record(database, due[0], State.SENT)
    change_run(database, run_id, "stopped")
    assert look(database, address="Anna") == ["broadcast", "push"]


def look_for_late(database: Database, since: int, up_to: int, address: str = "home") -> list[str]:
    """Return the texts of what came into the mailbox of an address late."""
    letters = database.read(
        lambda session: mailbox.list_late_letters(session, "telegram", address, since, up_to)
    )
    return [letter.body["text"] for letter in letters]


def test_what_left_a_broadcast_after_a_later_letter_was_read_is_late(
    database: Database, add: AddPerson
) -> None:
    add("Anna")
    term, first, second = hold(database), broadcast(database, "early"), broadcast(database, "late")
    early, late = claim(database, term, NOW), claim(database, term, NOW + 9 * MINUTE, after_run=first)
    assert [one.run_id for one in early + late] == [first, second]
    leave(database, early, term)
    push(database, "read", NOW + 3 * MINUTE, Target("telegram", "Anna", 1))
    push(database, "read too", NOW + 4 * MINUTE, Target("telegram", "Anna", 1))
    assert look_for_late(database, 3, 4, "Anna") == ["read too"]
    leave(database, late, term)
    assert look_for_late(database, 3, 4, "Anna") == ["late", "read too"]
    assert look_for_late(database, 3, 3, "Anna") == ["late"]
    assert look_for_late(database, 0, 4, "Anna") == ["early", "late", "read", "read too"]
    assert look_for_late(database, 3, 4) == []


def test_what_was_said_shortly_before_another_letter_may_be_late(database: Database) -> None:
    for text, before in (("long before", 2 * MINUTE), ("before", MINUTE / 2), ("read", 0 * MINUTE)):
        push(database, text, NOW - before)
    assert look_for_late(database, 3, 3) == ["before"]
    assert look_for_late(database, 404, 404) == []
