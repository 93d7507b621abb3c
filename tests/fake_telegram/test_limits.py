"""The limits of the fake: what is let through, what is refused for how long, and who does not wait."""

from tests.fake_telegram.clock import Clock
from tests.fake_telegram.limits import Limits, Throttle

ANNA, BOGDAN, GROUP = 1, 2, -500


class Sender:
    """Sends to a throttle at the times that a test names."""

    def __init__(self, limits: Limits) -> None:
        self.clock = Clock()
        self.throttle = Throttle(limits, self.clock)

    def at(self, seconds: float, chat: int = ANNA) -> int:
        """Send so many seconds after the beginning; return the retry_after, 0 when it was taken."""
        self.clock.seconds = 1_000.0 + seconds
        return self.throttle.arrive(chat)

    def counts(self) -> tuple[int, int, int]:
        """Return the refusals, the broken waits, and those in flight."""
        told = self.throttle.refusals
        return told.too_many_requests, told.broken_waits, told.broken_waits_in_flight


def test_without_limits_everything_is_taken() -> None:
    sender = Sender(Limits())
    assert not any(sender.at(0.0, chat) for chat in (ANNA, GROUP) for _ in range(1_000))
    assert sender.counts() == (0, 0, 0)


def test_the_token_takes_one_more_than_its_limit_in_any_second() -> None:
    sender = Sender(Limits(per_second=3))
    assert [sender.at(0.5 + step / 10, step + 1) for step in range(5)] == [0, 0, 0, 0, 1]


def test_the_second_of_the_token_slides() -> None:
    sender = Sender(Limits(per_second=1))
    assert [sender.at(at) for at in (0.9, 1.0, 1.95, 2.05, 2.9)] == [0, 0, 0, 0, 1]


def test_a_refused_send_does_not_count() -> None:
    sender = Sender(Limits(per_second=1))
    assert [sender.at(at) for at in (0.0, 0.0, 0.5)] == [0, 0, 1]
    assert [sender.at(at) for at in (1.5, 1.5, 1.5)] == [0, 0, 1]


def test_a_private_chat_takes_a_burst_and_then_one_a_second() -> None:
    sender = Sender(Limits(per_chat_seconds=1.0, per_chat_burst=4))
    assert [sender.at(0.0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert sender.at(0.0, BOGDAN) == 0
    assert [sender.at(at) for at in (1.0, 2.0, 2.5)] == [0, 0, 1]


def test_a_chat_that_was_quiet_has_its_burst_again() -> None:
    sender = Sender(Limits(per_chat_seconds=1.0, per_chat_burst=2))
    assert [sender.at(at) for at in (0.0, 0.0, 10.0, 10.0, 10.0)] == [0, 0, 0, 0, 1]


def test_a_group_takes_so_many_in_any_minute_and_says_how_long_to_wait() -> None:
    sender = Sender(Limits(per_group_minute=20))
    assert not any(sender.at(step, GROUP) for step in range(20))
    assert sender.at(30.5, GROUP) == 30
    assert sender.at(30.5, GROUP - 1) == 0
    assert sender.at(60.5, GROUP) == 0


def test_a_send_refused_in_its_chat_costs_the_token_nothing() -> None:
    sender = Sender(Limits(per_second=1, per_chat_seconds=1.0, per_chat_burst=1))
    assert [sender.at(0.0), sender.at(0.0), sender.at(0.0, BOGDAN)] == [0, 1, 0]


def test_after_a_429_for_the_token_every_chat_must_wait() -> None:
    sender = Sender(Limits(per_second=1))
    assert [sender.at(0.0), sender.at(0.0), sender.at(0.0)] == [0, 0, 1]
    assert [sender.at(0.05, BOGDAN), sender.at(0.5, BOGDAN)] == [1, 1]
    assert sender.counts() == (3, 2, 1)


def test_after_a_429_for_a_chat_the_others_go_on() -> None:
    sender = Sender(Limits(per_chat_seconds=1.0, per_chat_burst=1))
    assert [sender.at(0.0), sender.at(0.5), sender.at(0.6, BOGDAN), sender.at(1.2)] == [0, 1, 0, 1]
    assert sender.counts() == (2, 1, 0)


def test_a_broken_wait_begins_a_new_one_of_whole_seconds() -> None:
    sender = Sender(Limits())
    sender.throttle.refuse(ANNA, 3)
    assert [sender.at(at) for at in (0.5, 3.1, 3.6, 4.7)] == [3, 1, 1, 0]
    assert sender.counts() == (4, 3, 0)


def test_a_wait_that_was_kept_is_not_broken() -> None:
    sender = Sender(Limits(per_second=1))
    assert [sender.at(at) for at in (0.0, 0.0, 0.2, 1.2)] == [0, 0, 1, 0]
    assert sender.counts() == (1, 0, 0)


def test_a_timer_that_rings_a_little_early_has_waited() -> None:
    sender = Sender(Limits())
    sender.throttle.refuse(ANNA, 1)
    assert sender.at(0.996) == 0


def test_new_limits_begin_with_nothing_sent() -> None:
    sender = Sender(Limits(per_second=1))
    assert [sender.at(0.0), sender.at(0.0)] == [0, 0]
    sender.throttle.apply(Limits(per_second=2))
    assert [sender.at(0.0) for _ in range(4)] == [0, 0, 0, 1]
