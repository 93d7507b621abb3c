"""One-time codes: each is good for one purpose, once, until its end, however it is typed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from storage.claims import (
    ALPHABET,
    CODE_LENGTH,
    CODE_LIFE,
    PER_PERSON,
    TOGETHER,
    Claim,
    Purpose,
    TooManyTries,
    add_claim,
    try_code,
    use_up,
)
from storage.database import Database, Session
from storage.people import Account
from tests.storage.conftest import NOW, AddPerson
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")

SECOND = timedelta(seconds=1)
EACH = pytest.mark.parametrize("purpose", Purpose)


def fresh(
    database: Database,
    purpose: Purpose = Purpose.COORDINATE,
    account_id: int | None = None,
    now: datetime = NOW,
) -> str:
    """Return a fresh code."""
    return database.write(lambda session: add_claim(session, purpose, now, account_id))


def is_good(
    database: Database,
    typed: str,
    purpose: Purpose = Purpose.COORDINATE,
    later: timedelta = timedelta(0),
    who: str = "",
) -> bool:
    """Return whether a code works, and use it up; without a name somebody else tries each time."""

    def work(session: Session) -> bool:
        found = try_code(session, purpose, typed, who or typed[:20], NOW + later)
        if found is not None:
            use_up(session, found)
        return found is not None

    return database.write(work)


def count(database: Database) -> int:
    """Return how many codes there are."""
    return database.read(lambda session: session.query(Claim).count())


def account_of(database: Database, person_id: int) -> int:
    """Return the id of a person's account."""
    return database.read(lambda session: session.query(Account).filter_by(person_id=person_id).one().id)


def test_a_code_is_easy_to_read_and_to_type(database: Database) -> None:
    code = fresh(database)
    assert len(code.replace("-", "")) == CODE_LENGTH
    assert set(code) - {"-"} <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)
    assert len({fresh(database) for _ in range(50)}) == 50


@EACH
@pytest.mark.parametrize(
    "typed", [str, str.lower, lambda code: code.replace("-", " "), lambda code: f" „{code}” "]
)
def test_a_code_works_once_however_it_is_typed(
    database: Database, purpose: Purpose, typed: Callable[[str], str]
) -> None:
    code = fresh(database, purpose)
    assert is_good(database, typed(code), purpose)
    assert not is_good(database, typed(code), purpose)


@pytest.mark.parametrize("typed", ["", "-", "AAAAA-AAAAA", "' OR 1=1 --", "ł" * 5_000])
def test_anything_else_does_not_work_and_uses_nothing_up(database: Database, typed: str) -> None:
    code = fresh(database)
    assert not is_good(database, typed)
    assert is_good(database, code)


@EACH
def test_a_code_works_until_its_end(database: Database, purpose: Purpose) -> None:
    code = fresh(database, purpose)
    assert not is_good(database, code, purpose, CODE_LIFE[purpose] + SECOND)
    assert is_good(database, code, purpose, CODE_LIFE[purpose])


def test_a_code_is_good_for_nothing_else(database: Database) -> None:
    for shown, tried in ((Purpose.LINK, Purpose.COORDINATE), (Purpose.COORDINATE, Purpose.LINK)):
        code = fresh(database, shown)
        assert not is_good(database, code, tried)
        assert is_good(database, code, shown)


def test_using_a_code_of_the_server_uses_up_its_others_and_nobody_elses(
    database: Database, add: AddPerson
) -> None:
    anna = account_of(database, add("Anna"))
    hers = fresh(database, Purpose.LINK, anna)
    first, second = fresh(database), fresh(database)
    assert is_good(database, second)
    assert not is_good(database, first)
    assert is_good(database, hers, Purpose.LINK)


def test_an_account_has_one_code_the_newest(database: Database, add: AddPerson) -> None:
    anna, jan = account_of(database, add("Anna")), account_of(database, add("Jan"))
    his, old = fresh(database, Purpose.LINK, jan), fresh(database, Purpose.LINK, anna)
    new = fresh(database, Purpose.LINK, anna)
    assert not is_good(database, old, Purpose.LINK)
    assert is_good(database, new, Purpose.LINK)
    assert is_good(database, his, Purpose.LINK)


def test_two_who_type_the_code_at_once_do_not_both_get_in(database: Database) -> None:
    code = fresh(database)
    others = [beside(database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda one: is_good(one, code), others))
    for other in others:
        other.close()
    assert sorted(results) == [False, False, False, True]


@EACH
def test_whoever_guesses_is_stopped_and_others_are_not(database: Database, purpose: Purpose) -> None:
    code = fresh(database, purpose)
    for number in range(PER_PERSON.burst):
        assert not is_good(database, f"GUESS-{number}", purpose, who="thief")
    with pytest.raises(TooManyTries):
        is_good(database, code, purpose, who="thief")
    assert is_good(database, code, purpose, who="anna")


def test_many_who_guess_are_stopped_together(database: Database) -> None:
    code = fresh(database)
    for number in range(TOGETHER.burst):
        assert not is_good(database, f"GUESS-{number}")
    with pytest.raises(TooManyTries):
        is_good(database, code)
    assert is_good(database, code, later=TOGETHER.interval)


def test_the_store_keeps_no_code_and_forgets_old_ones(database: Database) -> None:
    code = fresh(database, Purpose.LINK)
    kept = database.read(lambda session: session.query(Claim).one())
    assert code not in kept.digest
    assert code.replace("-", "") not in kept.digest
    fresh(database, now=NOW + CODE_LIFE[Purpose.LINK] + SECOND)
    assert count(database) == 1
