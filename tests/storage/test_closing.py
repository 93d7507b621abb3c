"""A closed address: what goes to the same person elsewhere, what does not, and that it goes once."""

import pytest

from storage import closing, mailbox, people
from storage.database import Database, Session
from storage.deliveries import Delivery, State, Target
from storage.outbox import Outcome
from storage.people import Account
from tests.storage.conftest import NOW, AddPerson
from tests.storage.sending import (
    MINUTE,
    broadcast,
    claim,
    every_row,
    hold,
    push,
    record,
    release_others,
    reply,
    states,
    take_over,
)

pytestmark = pytest.mark.stores("sqlite", "postgresql")

PHONE = Target("telegram", "home", 1)


@pytest.fixture
def anna(database: Database, add: AddPerson) -> int:
    """Return somebody whose chat on "telegram" is "home" and who has a page on "web"."""
    person_id = add("home")
    add_account(database, person_id, "web", "page")
    return person_id


def add_account(database: Database, person_id: int, channel: str, address: str) -> None:
    """Give somebody another account."""
    account = Account(channel=channel, sender=f"{person_id} {address}", address=address, person_id=person_id)
    database.write(lambda session: session.add(account))


def close(database: Database, channel: str = "telegram", address: str = "home") -> bool:
    """Close an address."""
    return database.write(lambda session: closing.set_address_closed(session, channel, address, NOW))


def refuse_next(database: Database, channel: str = "telegram") -> None:
    """Claim what is due next on a channel and record that its address is closed."""
    [due] = claim(database, hold(database, name=channel), limit=1)
    outcome = Outcome(due, State.UNREACHABLE, reason="blocked")
    database.write(lambda session: closing.record_outcomes(session, [outcome], NOW))


def where(database: Database) -> list[tuple[str, str, State]]:
    """Return the channel, address and state of every delivery."""
    return [(row.channel, row.address, row.state) for row in every_row(database)]


def test_a_push_that_is_refused_and_what_waits_go_elsewhere_but_answers_do_not(
    database: Database, anna: int
) -> None:
    reply(database, "answer", hold(database))
    push(database, "refused", target=PHONE)
    push(database, "waits", NOW + MINUTE, target=PHONE)
    broadcast(database, "broadcast")
    refuse_next(database)
    assert states(database) == {"answer": State.UNREACHABLE, "refused": State.PENDING, "waits": State.PENDING}
    assert sorted(where(database)) == [
        ("telegram", "home", State.UNREACHABLE),
        *[("web", "page", State.PENDING)] * 3,
    ]
    assert [row.person_id for row in every_row(database) if row.run_id is not None] == [anna]
    assert len(claim(database, hold(database, name="web"))) == 3


@pytest.mark.usefixtures("anna")
def test_an_answer_that_is_refused_is_not_given_elsewhere(database: Database) -> None:
    due = reply(database, "answer", hold(database))
    outcome = Outcome(due, State.UNREACHABLE)
    database.write(lambda session: closing.record_outcomes(session, [outcome], NOW))
    assert where(database) == [("telegram", "home", State.UNREACHABLE)]


def test_what_goes_elsewhere_comes_after_all_that_was_read_there(database: Database, anna: int) -> None:
    push(database, "first", target=PHONE)
    push(database, "second", target=PHONE)
    push(database, "read already", target=Target("web", "page", anna))
    assert close(database)
    letters = database.read(lambda session: mailbox.list_mailbox(session, "web", "page", 3, 10))
    assert [letter.body["text"] for letter in letters] == ["first", "second"]


@pytest.mark.usefixtures("anna")
def test_it_goes_elsewhere_once_and_not_round_in_circles(database: Database) -> None:
    push(database, "hello", target=PHONE)
    refuse_next(database)
    refuse_next(database, "web")
    assert where(database) == [("web", "page", State.UNREACHABLE)]
    close(database)
    close(database, "web", "page")
    assert where(database) == [("web", "page", State.UNREACHABLE)]


def test_what_was_refused_long_ago_stays_so(database: Database, add: AddPerson) -> None:
    person_id = add("home")
    push(database, "old", target=PHONE)
    refuse_next(database)
    add_account(database, person_id, "web", "page")
    assert not close(database)
    assert where(database) == [("telegram", "home", State.UNREACHABLE)]


@pytest.mark.usefixtures("anna")
def test_what_was_sent_or_may_have_been_is_not_sent_again(database: Database) -> None:
    term = hold(database)
    for text, state in (("sent", State.SENT), ("perhaps", State.UNKNOWN), ("bad", State.FAILED)):
        push(database, text, target=PHONE)
        record(database, claim(database, term)[0], state)
    assert not close(database)
    assert states(database) == {"sent": State.SENT, "perhaps": State.UNKNOWN, "bad": State.FAILED}


@pytest.mark.usefixtures("anna")
def test_an_outcome_that_is_recorded_twice_sends_nothing_twice(database: Database) -> None:
    push(database, "hello", target=PHONE)
    outcomes = [Outcome(due, State.UNREACHABLE) for due in claim(database, hold(database))]
    for _ in range(2):
        database.write(lambda session: closing.record_outcomes(session, outcomes, NOW))
    assert where(database) == [("web", "page", State.PENDING)]


@pytest.mark.usefixtures("anna")
def test_what_is_in_other_hands_by_now_goes_elsewhere_once(database: Database) -> None:
    push(database, "hello", target=PHONE)
    late = [Outcome(due, State.UNREACHABLE) for due in claim(database, hold(database))]
    other = take_over(database)
    release_others(database, other)
    assert len(claim(database, other)) == 1
    database.write(lambda session: closing.record_outcomes(session, late, NOW))
    assert where(database) == [("web", "page", State.PENDING)]


def test_without_an_open_account_elsewhere_it_is_unreachable(database: Database, anna: int) -> None:
    add_account(database, anna, "matrix", "room")
    for channel, address in (("web", "page"), ("matrix", "room")):
        close(database, channel, address)
    push(database, "hello", target=PHONE)
    refuse_next(database)
    assert where(database) == [("telegram", "home", State.UNREACHABLE)]


def test_it_goes_to_the_channel_that_the_person_prefers(database: Database, anna: int) -> None:
    add_account(database, anna, "matrix", "room")

    def prefer(session: Session) -> None:
        person = people.get_person(session, anna)
        assert person is not None
        person.preferred_channel = "matrix"

    database.write(prefer)
    push(database, "hello", target=PHONE)
    assert close(database)
    assert where(database) == [("matrix", "room", State.PENDING)]


@pytest.mark.usefixtures("anna")
def test_an_address_of_several_people_gives_nothing_away(database: Database, add: AddPerson) -> None:
    add_account(database, add("Jan"), "telegram", "home")
    push(database, "private", target=PHONE)
    assert not close(database)
    assert where(database) == [("telegram", "home", State.UNREACHABLE)]


def test_a_stranger_who_closes_an_address_is_no_trouble(database: Database) -> None:
    push(database, "hello", target=PHONE)
    assert not close(database)
    assert database.read(lambda session: session.query(Delivery).one().state) is State.UNREACHABLE
