"""Rate limits: the store's algorithm allows what a simple model of it allows."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database, Session
from storage.limits import Limit, Rate, delete_old_limits, list_paused, set_paused, take
from tests.storage.conftest import NOW

pytestmark = pytest.mark.stores("sqlite", "postgresql")

SECOND = timedelta(seconds=1)


class Bucket:
    """The model: a bucket of `burst` tokens, into which one falls every `interval` seconds."""

    def __init__(self, burst: int, interval: int) -> None:
        self.burst, self.interval = burst, interval
        self.level, self.at = float(burst), 0

    def take(self, at: int) -> bool:
        """Take a token at a second, if a whole one is there."""
        self.level = min(self.burst, self.level + (at - self.at) / self.interval)
        self.at = at
        if self.level < 1 - 1e-9:
            return False
        self.level -= 1
        return True


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    burst=st.integers(1, 6),
    interval=st.sampled_from([1, 2, 4, 8]),
    waits=st.lists(st.integers(0, 12), max_size=40),
)
def test_the_limit_allows_what_a_bucket_of_tokens_allows(
    database: Database, burst: int, interval: int, waits: list[int]
) -> None:
    rate, bucket = Rate(burst, interval * SECOND), Bucket(burst, interval)

    def work(session: Session) -> None:
        session.query(Limit).delete()
        at = 0
        for wait in waits:
            at += wait
            assert take(session, "key", rate, NOW + at * SECOND) is bucket.take(at), at

    database.write(work)


def test_keys_do_not_harm_each_other(database: Database) -> None:
    rate = Rate(2, SECOND)

    def work(session: Session) -> list[bool]:
        return [take(session, key, rate, NOW) for key in ("a", "a", "a", "b", "a", "b", "b")]

    assert database.write(work) == [True, True, False, True, False, True, False]


def test_what_was_refused_is_not_counted(database: Database) -> None:
    rate = Rate(1, 10 * SECOND)

    def work(session: Session) -> list[bool]:
        return [take(session, "a", rate, NOW + second * SECOND) for second in (0, 3, 6, 9, 10)]

    assert database.write(work) == [True, False, False, False, True]


def test_a_shorter_pause_does_not_end_a_longer_one(database: Database) -> None:
    def work(session: Session) -> dict[str, datetime]:
        set_paused(session, "a", NOW + 60 * SECOND)
        set_paused(session, "a", NOW + 3 * SECOND)
        return list_paused(session, "a", NOW)

    assert database.write(work) == {"a": NOW + 60 * SECOND}


@pytest.mark.parametrize("burst", [1, 20])
def test_a_paused_key_allows_its_burst_again_from_its_time_on(database: Database, burst: int) -> None:
    rate = Rate(burst, 2 * SECOND)

    def work(session: Session) -> list[bool]:
        set_paused(session, "a", NOW + 60 * SECOND)
        return [take(session, "a", rate, NOW + second * SECOND) for second in (0, 30, 59, *[60] * burst, 60)]

    assert database.write(work) == [False, False, False, *[True] * burst, False]


def test_the_pauses_under_a_prefix_are_listed_until_they_end(database: Database) -> None:
    later = NOW + 60 * SECOND

    def work(session: Session) -> None:
        for key in ("pause:a", "pause:a:7", "pause:b", "pauseXa", "%"):
            set_paused(session, key, later)
        set_paused(session, "pause:a:short", NOW + SECOND)
        set_paused(session, "pause:a:over", NOW)
        take(session, "pause:a:taken", Rate(1, SECOND), NOW)

    def look(session: Session) -> list[dict[str, object]]:
        return [
            {**list_paused(session, "pause:a", NOW)},
            {**list_paused(session, "pause:a", NOW + SECOND)},
            {**list_paused(session, "pause:a", later)},
            {**list_paused(session, "%", NOW)},
            {**list_paused(session, "pause_", NOW)},
        ]

    database.write(work)
    both = {"pause:a": later, "pause:a:7": later}
    short = {"pause:a:short": NOW + SECOND}
    assert database.read(look) == [{**both, **short}, both, {}, {"%": later}, {}]


def test_only_rows_that_limit_nothing_any_more_are_deleted(database: Database) -> None:
    def work(session: Session) -> list[str]:
        take(session, "over", Rate(1, SECOND), NOW - timedelta(hours=1))
        take(session, "holds", Rate(1, timedelta(hours=2)), NOW - timedelta(hours=1))
        delete_old_limits(session, NOW)
        return [row.key for row in session.query(Limit)]

    assert database.write(work) == ["holds"]
    assert not database.write(lambda session: take(session, "holds", Rate(1, timedelta(hours=2)), NOW))
