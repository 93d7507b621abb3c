"""The judge of the fake: rates, the busiest second and minute, duplicates and missing."""

from typing import Any

import pytest

from tests.fake_telegram.clock import Clock
from tests.fake_telegram.judge import Judge

GROUP = -500


class Court:
    """A judge of a broadcast to chats 1, 2 and 3, and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.judge = Judge(self.clock)
        self.judge.reset("Zebranie", (1, 2, 3))

    def send(self, at: float, chat: int, text: str = "<b>Zebranie</b> jutro") -> bool:
        """Have a message taken so many seconds after the beginning."""
        self.clock.seconds = 1_000.0 + at
        return self.judge.sent(chat, text)

    def report(self) -> dict[str, Any]:
        """Return what the judge says of the broadcast."""
        broadcast: dict[str, Any] = self.judge.report()["broadcast"]
        return broadcast


@pytest.fixture
def court() -> Court:
    return Court()


def test_what_contains_the_marker_belongs_to_the_broadcast(court: Court) -> None:
    assert [court.send(0.0, 1), court.send(0.0, 1, "Dzień dobry")] == [True, False]
    assert (court.judge.report()["sent"], court.report()["sent"]) == (2, 1)


def test_duplicates_missing_and_unexpected_are_named(court: Court) -> None:
    for chat in (1, 2, 2, 2, 9, 9):
        court.send(0.0, chat)
    found = court.report()
    assert (found["sent"], found["chats"], found["duplicates"]) == (6, 3, 3)
    assert (found["missing"], found["some_missing"], found["some_duplicates"]) == (1, [3], [2, 9])
    assert found["unexpected"] == 1


def test_it_is_complete_once_nobody_misses_the_broadcast(court: Court) -> None:
    court.send(0.0, 1)
    court.send(0.0, 2)
    assert not court.judge.complete.is_set()
    court.send(0.0, 3)
    assert court.judge.complete.is_set()
    court.judge.reset("Zebranie", (1,))
    assert not court.judge.complete.is_set()


def test_a_chat_that_is_excused_misses_nothing(court: Court) -> None:
    court.send(0.0, 1)
    court.judge.excuse(2)
    court.judge.excuse(3)
    assert court.report()["missing"] == 0
    assert court.judge.complete.is_set()


def test_the_rate_counts_from_the_first_to_the_last(court: Court) -> None:
    for step in range(11):
        court.send(2.0 + step / 10, 1)
    found = court.report()
    assert (found["first_after"], found["seconds"], found["per_second"]) == (2.0, 1.0, 10.0)


def test_the_busiest_second_slides_and_edits_count_in_it(court: Court) -> None:
    for at in (0.0, 0.6, 0.9, 1.55):
        court.send(at, 1)
    court.clock.seconds = 1_001.58
    court.judge.edited(1)
    assert (court.judge.report()["most_in_a_second"], court.judge.report()["edited"]) == (4, 1)


def test_a_second_ends_before_the_same_moment_of_the_next(court: Court) -> None:
    for at in (0.0, 1.0, 2.0):
        court.send(at, 1)
    assert court.judge.report()["most_in_a_second"] == 1


def test_the_busiest_minute_is_that_of_one_group(court: Court) -> None:
    for at in range(0, 70, 10):
        court.send(at, GROUP)
    court.send(70.0, GROUP - 1)
    assert court.judge.report()["most_in_a_minute_of_a_group"] == 6


def test_without_a_marker_there_is_no_broadcast(court: Court) -> None:
    court.judge.reset("", ())
    assert not court.send(0.0, 1)
    assert court.report()["sent"] == 0
    assert court.judge.report()["sent"] == 1


def test_nothing_sent_has_no_rate(court: Court) -> None:
    found = court.report()
    assert (found["first_after"], found["seconds"], found["per_second"]) == (None, 0.0, 0.0)
