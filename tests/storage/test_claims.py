"""One-time codes: each works once, for a day, however it is typed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from storage.claims import ALPHABET, CODE_LENGTH, CODE_LIFE, Claim, add_claim, claim_code
from storage.database import Database
from tests.storage.conftest import NOW
from tests.stores import beside

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def fresh(database: Database) -> str:
    """Return a fresh code."""
    return database.write(lambda session: add_claim(session, NOW))


def is_good(database: Database, typed: str, later: timedelta = timedelta(0)) -> bool:
    """Return whether a code works."""
    return database.write(lambda session: claim_code(session, typed, NOW + later))


def test_a_code_is_easy_to_read_and_to_type(database: Database) -> None:
    code = fresh(database)
    assert len(code.replace("-", "")) == CODE_LENGTH
    assert set(code) - {"-"} <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)
    assert len({fresh(database) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "typed", [str, str.lower, lambda code: code.replace("-", " "), lambda code: f" „{code}” "]
)
def test_a_code_works_once_however_it_is_typed(database: Database, typed: type[str]) -> None:
    code = fresh(database)
    assert is_good(database, typed(code))
    assert not is_good(database, typed(code))


@pytest.mark.parametrize("typed", ["", "-", "AAAAA-AAAAA", "' OR 1=1 --", "ł" * 5_000])
def test_anything_else_does_not_work_and_uses_nothing_up(database: Database, typed: str) -> None:
    code = fresh(database)
    assert not is_good(database, typed)
    assert is_good(database, code)


def test_a_code_works_for_a_day(database: Database) -> None:
    code = fresh(database)
    assert not is_good(database, code, CODE_LIFE + timedelta(seconds=1))
    assert is_good(database, code, CODE_LIFE)


def test_using_one_code_uses_up_the_others(database: Database) -> None:
    first, second = fresh(database), fresh(database)
    assert is_good(database, second)
    assert not is_good(database, first)


def test_two_who_type_the_code_at_once_do_not_both_get_in(database: Database) -> None:
    code = fresh(database)
    others = [beside(database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda one: is_good(one, code), others))
    for other in others:
        other.close()
    assert sorted(results) == [False, False, False, True]


def test_the_store_keeps_no_code_and_forgets_old_ones(database: Database) -> None:
    code = fresh(database)
    kept = database.read(lambda session: session.query(Claim).one())
    assert code not in kept.digest
    assert code.replace("-", "") not in kept.digest
    database.write(lambda session: add_claim(session, NOW + CODE_LIFE + timedelta(seconds=1)))
    assert database.read(lambda session: session.query(Claim).count()) == 1
