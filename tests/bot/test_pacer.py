"""The pacer: never too fast for the platform, and an answer never behind the pushes."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.matrix.pace import pace as matrix_pace
from bot.pacer import TALK_SECONDS, ChatRate, Pace
from tests.bot.pacing import EPSILON, PER_SECOND, RESERVE, TELEGRAM, Bot, most_in
from tests.bot.virtual import VirtualLoop, run

LATE = 0.02
"""How late (seconds) the loop wakes up at most, where a test wants it late."""

MANY = 5_000
SOON = 0.05

Waits = list[tuple[float, bool, int]]
CALLS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.003, 0.04, 0.3, 1.0, 11.0]), st.booleans(), st.integers(1, 40)),
    max_size=25,
)


def late(most: float = LATE, seed: int = 0) -> Callable[[], float]:
    """Return what makes a loop late by anything up to `most` seconds."""
    return partial(Random(seed).uniform, 0.0, most)


def always_late() -> float:
    """Return the most that a loop is late by."""
    return LATE


LATENESS = pytest.mark.parametrize("lateness", [lambda: 0.0, late(), always_late], ids=["no", "some", "most"])


@settings(max_examples=60, deadline=None)
@given(
    calls=CALLS, per_second=st.integers(1, 40), reserve=st.integers(0, 45), most=st.sampled_from([0, LATE])
)
def test_in_any_second_no_more_leave_than_allowed_however_calls_arrive(
    calls: Waits, per_second: int, reserve: int, most: float
) -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop, Pace(per_second, reserve, TELEGRAM.rate_of))
        tasks = list[asyncio.Task[object]]()
        for number, (wait, answer, count) in enumerate(calls):
            await asyncio.sleep(wait)
            for one in range(count):
                tasks.append(bot.start(bot.send(f"{number} {one}", answer=answer)))
        await asyncio.gather(*tasks)
        return bot

    bot = run(main, late(most))
    assert len(bot.left) == sum(count for _, _, count in calls)
    assert most_in(bot.times(), 1.0) <= per_second
    for answer in (True, False):  # and nobody overtakes
        came = [one.came for one in bot.left if one.answer is answer]
        assert came == sorted(came)


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.booleans(), min_size=40, max_size=80),
    rest=st.floats(0, 90),
    most=st.sampled_from([0, LATE]),
)
def test_a_group_has_never_more_than_twenty_in_any_minute(
    kinds: list[bool], rest: float, most: float
) -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        await bot.send_many("-100", kinds)
        await asyncio.sleep(rest)
        await bot.send_many("-100", [True] * 25)
        return bot

    assert most_in(run(main, late(most)).times(), 60.0) <= 20


def test_a_group_is_answered_five_times_at_once_and_goes_on_as_fast_as_it_may() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        await bot.send_many("-100", [True] * 40)
        return bot

    times = run(main).times()
    assert [at - times[0] < EPSILON for at in times[:7]] == [True] * 5 + [False] * 2
    assert most_in(times, 60.0) == 20


def test_a_private_chat_gets_pushes_one_a_second_and_three_answers_at_once() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        await bot.send_many("7", [False] * 3)
        await asyncio.sleep(10)
        await bot.send_many("7", [True] * 5)
        await bot.send("7")
        return bot

    times = run(main).times()
    assert [round(at - times[0], 6) for at in times[:3]] == [0, 1, 2]
    assert [round(at - times[3], 6) for at in times[3:]] == [0, 0, 0, 1, 2, 5]


@LATENESS
def test_pushes_alone_leave_nearly_as_fast_as_they_may_even_when_the_loop_is_late(
    lateness: Callable[[], float],
) -> None:
    async def main(loop: VirtualLoop) -> int:
        bot = Bot(loop)
        tasks = bot.queue(MANY)
        await asyncio.sleep(120)
        for task in tasks:
            task.cancel()
        return len(bot.left)

    assert run(main, lateness) >= 0.98 * PER_SECOND * 120


def test_whoever_sends_next_in_our_place_keeps_to_the_same_second() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        first, second = Bot(loop), Bot(loop)
        for bot in (first, second):
            tasks = bot.queue(MANY)
            await asyncio.sleep(3.7)
            for task in tasks:
                task.cancel()
            await asyncio.sleep(bot.pacer.span_left())
        assert Bot(loop).pacer.span_left() == 0
        return first.times() + second.times()

    assert most_in(run(main), 1.0) == PER_SECOND


def test_on_matrix_news_comes_within_a_second_of_however_many_answers() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop, matrix_pace(20.0))
        await bot.send_many("!room", [True] * 10)
        assert bot.left[-1].at - bot.left[0].at < SOON
        assert await bot.send("!room") < 1
        return bot

    run(main)


def test_ten_at_once_and_then_one_in_five_seconds() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop, Pace(10, 3, lambda _: ChatRate(1, 1e-3, 1), seconds=50.0))
        bot.queue(MANY)
        for number in range(20):
            await bot.send(f"person {number}", answer=True)
        await asyncio.sleep(2_000)
        return bot

    bot = run(main)
    assert most_in(bot.times(), 50.0) == 10
    assert bot.times(answer=True)[6] - bot.left[0].at < 1
    assert len(bot.left) >= 0.95 * 2_000 / 5


@pytest.mark.parametrize("seed", [0, 2])
def test_late_wake_ups_do_not_gather_pushes_in_bunches(seed: int) -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        bot = Bot(loop)
        bot.queue(MANY)
        await asyncio.sleep(120)
        return bot.times()

    times = run(main, partial(Random(seed).choice, (0.0, LATE)))
    assert max(later - at for at, later in pairwise(times)) <= 0.1


@settings(max_examples=20, deadline=None)
@given(after=st.floats(0, 60), idle=st.floats(0, 2), before=st.integers(0, 40))
def test_an_answer_never_waits_behind_pushes(after: float, idle: float, before: int) -> None:
    async def main(loop: VirtualLoop) -> float:
        bot = Bot(loop)
        bot.queue(before, "earlier push")
        await asyncio.sleep(idle)
        bot.queue(MANY)
        await asyncio.sleep(after)
        return await bot.send("anna", answer=True)

    assert run(main) <= SOON


@pytest.mark.parametrize("lateness", [late(), always_late], ids=["some", "most"])
def test_an_answer_waits_no_longer_in_a_late_loop_than_it_is_late(lateness: Callable[[], float]) -> None:
    async def main(loop: VirtualLoop) -> float:
        bot, waits, random = Bot(loop), [0.0], Random(1)
        bot.queue(MANY)
        for number in range(12):
            await asyncio.sleep(TALK_SECONDS + random.random())
            waits.append(await bot.send(str(number), answer=True))
        return max(waits)

    assert run(main, lateness) <= SOON + LATE


@settings(max_examples=25, deadline=None)
@given(
    waits=st.lists(st.floats(1.0, TALK_SECONDS - 1), min_size=1, max_size=8), burst=st.integers(1, RESERVE)
)
def test_while_people_are_answered_pushes_leave_room_for_the_next_answers(
    waits: list[float], burst: int
) -> None:
    async def main(loop: VirtualLoop) -> tuple[list[float], list[float]]:
        bot = Bot(loop)
        bot.queue(MANY)
        await asyncio.sleep(3)
        await bot.send("first", answer=True)
        began, took = loop.time(), list[float]()
        for number, wait in enumerate(waits):
            await asyncio.sleep(wait)
            answers = [bot.start(bot.send(f"{number} {one}", answer=True)) for one in range(burst)]
            took += await asyncio.gather(*answers)
        return took, [at for at in bot.times(answer=False) if at >= began]

    took, pushes = run(main)
    assert max(took) <= EPSILON
    assert most_in(pushes, 1.0) <= PER_SECOND - RESERVE
    assert len(pushes) >= 0.9 * (PER_SECOND - RESERVE) * (sum(waits) - 1)


def test_pushes_are_fast_again_when_nobody_was_answered_for_a_while() -> None:
    async def main(loop: VirtualLoop) -> tuple[float, float]:
        bot = Bot(loop)
        await bot.send("anna", answer=True)
        talking = bot.pacer.push_rate()
        await asyncio.sleep(TALK_SECONDS)
        return talking, bot.pacer.push_rate()

    assert run(main) == (PER_SECOND - RESERVE, PER_SECOND)


def test_who_stops_waiting_takes_no_place_from_the_others() -> None:
    async def main(loop: VirtualLoop) -> float:
        bot = Bot(loop)
        tasks = bot.queue(100)
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        return await bot.send("last")

    assert run(main) <= 2 / PER_SECOND


@pytest.mark.parametrize("later", [True, False])
def test_nobody_overtakes_an_answer_that_waits_although_the_loop_is_late(*, later: bool) -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        bot = Bot(loop, Pace(1, 0, TELEGRAM.rate_of))
        await bot.send("first", answer=True)
        waiting = bot.start(bot.send("waits", answer=True))
        await asyncio.sleep(0)
        loop._skip(2)  # the time at which it might have left has passed
        await bot.send("later", answer=later)
        await waiting
        return [one.address for one in bot.left[-2:]]

    assert run(main) == ["waits", "later"]


def test_a_chat_that_is_free_again_at_once_is_forgotten() -> None:
    async def main(loop: VirtualLoop) -> int:
        bot = Bot(loop, Pace(PER_SECOND, 0, lambda _: ChatRate(1, 1e-30, 1)))
        await bot.send("anna")
        return len(bot.pacer._chats)

    assert run(main) == 0


@pytest.mark.parametrize("rate", [ChatRate(1, 1e-30, 1), ChatRate(1, 1.0, 1)])
def test_the_table_of_chats_does_not_grow_without_end(rate: ChatRate) -> None:
    async def main(loop: VirtualLoop) -> int:
        group = TELEGRAM.rate_of("-1")
        bot, largest = Bot(loop, Pace(1_000, 0, lambda address: group if address < "0" else rate)), 0
        for number in range(100_000):
            if number % 100 == 0:  # a group, whose rows last longer, among them
                await bot.send(f"-{number}", answer=True)
            await bot.send(str(number), answer=True)
            largest = max(largest, len(bot.pacer._chats))
        return largest

    assert run(main) <= 5_000  # as many as a group, which counts longest, keeps from being looked at
