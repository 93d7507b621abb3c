"""The pacer's pauses: nothing leaves while the platform wants quiet, and pushes are slower afterwards."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pacer import RECOVERY_SECONDS
from tests.bot.pacing import PER_SECOND, Bot
from tests.bot.virtual import VirtualLoop, run


@settings(max_examples=40, deadline=None)
@given(
    before=st.integers(0, 80),
    after=st.floats(0, 3),
    seconds=st.floats(0.5, 30),
    shorter=st.floats(0, 0.4),
    answers=st.integers(0, 1),
)
def test_a_pause_of_the_whole_bot_lets_nothing_leave_before_its_end(
    before: int, after: float, seconds: float, shorter: float, answers: int
) -> None:
    async def main(loop: VirtualLoop) -> tuple[Bot, float, float]:
        bot = Bot(loop)
        for number in range(before):
            bot.start(bot.send(str(number), answer=bool(answers)))
        await asyncio.sleep(after)
        began, count = loop.time(), len(bot.left)
        bot.pacer.pause(seconds)
        bot.pacer.pause(shorter)  # does not end the longer one
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(bot.left) + bot.refused == before  # all that waited were woken
        assert len(bot.left) == count
        assert bot.pacer.pause_left() == pytest.approx(seconds)
        while bot.pacer.pause_left() > 0:
            bot.start(bot.send(f"{loop.time()}", answer=True))
            await asyncio.sleep(seconds / 7)
        await bot.send("afterwards")
        return bot, began, began + seconds

    bot, began, end = run(main)
    assert [at for at in bot.times() if began < at < end - 1e-6] == []
    assert bot.left[-1].address == "afterwards"


def test_a_place_that_was_given_just_before_a_pause_is_not_used() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        await bot.send("first")
        bot.start(bot.send("second"))
        await asyncio.sleep(0)
        assert bot.pacer._timer is not None
        same = bot.pacer._timer.when() + 1e-10  # too short for the loop: both are called before anybody wakes
        loop.call_at(same, bot.pacer.pause, 5)
        await asyncio.sleep(1)
        return bot

    bot = run(main)
    assert [one.address for one in bot.left] == ["first"]
    assert bot.refused == 1


def test_who_comes_in_a_pause_is_told_at_once() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        bot = Bot(loop)
        await asyncio.gather(*(bot.send(str(number), answer=True) for number in range(PER_SECOND)))
        bot.pacer.pause(0.5)
        return [await bot.send("answer", answer=True), await bot.send("push")]

    assert run(main) == [0.0, 0.0]


def test_a_message_that_waits_for_its_chat_does_not_leave_in_a_pause_either() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        await bot.send("anna")
        waiting = bot.start(bot.send("anna"))
        await asyncio.sleep(0.5)
        bot.pacer.pause(2)
        await waiting
        return bot

    bot = run(main)
    assert (len(bot.left), bot.refused) == (1, 1)


def test_pushes_are_half_as_fast_although_ten_calls_report_one_pause_together() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        bot, rates = Bot(loop), list[float]()
        bot.pacer.pause(1)  # of another kind: it hides nothing
        for call in range(10):
            bot.pacer.pause(3 if call == 1 else 1, slower=True)
            await asyncio.sleep(0.2)
        rates.append(bot.pacer.push_rate())
        await asyncio.sleep(bot.pacer.pause_left())
        rates.append(bot.pacer.push_rate())
        bot.pacer.pause(1, slower=True)
        rates.append(bot.pacer.push_rate())
        for _ in range(9):
            await asyncio.sleep(1)
            bot.pacer.pause(1, slower=True)
        rates.append(bot.pacer.push_rate())
        return rates

    assert run(main) == pytest.approx([PER_SECOND / 2, PER_SECOND / 2, PER_SECOND / 4, 1.0])


def test_a_pause_that_the_platform_did_not_ask_for_slows_nothing_down() -> None:
    async def main(loop: VirtualLoop) -> float:
        bot = Bot(loop)
        bot.pacer.pause(1)
        bot.pacer.pause(1, "anna", slower=True)
        return bot.pacer.push_rate()

    assert run(main) == PER_SECOND


def test_the_pace_of_pushes_recovers_slowly() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        bot, rates = Bot(loop), list[float]()
        bot.pacer.pause(10, slower=True)
        await asyncio.sleep(10)
        for _ in range(5):
            rates.append(bot.pacer.push_rate() / PER_SECOND)
            await asyncio.sleep(RECOVERY_SECONDS / 4)
        return rates

    assert run(main) == pytest.approx([0.5, 0.75, 1.0, 1.0, 1.0])


def test_pushes_leave_at_the_slower_pace() -> None:
    async def main(loop: VirtualLoop) -> int:
        bot = Bot(loop)
        bot.pacer.pause(1, slower=True)
        await asyncio.sleep(1)
        bot.queue(500)
        await asyncio.sleep(10)
        return len(bot.left)

    assert run(main) == pytest.approx(PER_SECOND / 2 * 10, rel=0.04)


def test_a_pause_of_one_chat_does_not_touch_others() -> None:
    async def main(loop: VirtualLoop) -> tuple[Bot, list[float]]:
        bot = Bot(loop)
        bot.pacer.pause(5, "anna")
        bot.pacer.pause(1, "anna")
        waiting = bot.queue(3)
        left = [bot.pacer.pause_left(address) for address in ("anna", "jan", None)]
        await bot.send("jan", answer=True)
        await bot.send("anna", answer=True)
        await asyncio.gather(*waiting)
        await asyncio.sleep(5)
        await bot.send("anna", answer=True)
        return bot, left

    bot, left = run(main)
    assert left == [5.0, 0.0, 0.0]
    assert bot.refused == 1
    assert len(bot.left) == 5


def test_a_chat_that_is_paused_while_its_message_queues_gets_nothing() -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        tasks = bot.queue(10)
        await asyncio.sleep(0)
        bot.pacer.pause(60, "push 9")
        await asyncio.gather(*tasks)
        return bot

    bot = run(main)
    assert (len(bot.left), bot.refused) == (9, 1)


def test_pauses_of_chats_that_are_over_are_forgotten() -> None:
    async def main(loop: VirtualLoop) -> int:
        bot = Bot(loop)
        for number in range(1_000):
            bot.pacer.pause(1, str(number))
            await asyncio.sleep(0.1)
        return len(bot.pacer._paused)

    assert run(main) <= 11


@pytest.mark.parametrize("answer", [False, True])
def test_everybody_can_be_let_go_without_a_turn(*, answer: bool) -> None:
    async def main(loop: VirtualLoop) -> Bot:
        bot = Bot(loop)
        tasks = [bot.start(bot.send(str(number), answer=answer)) for number in range(100)]
        await asyncio.sleep(0.1)
        bot.pacer.let_go()
        await asyncio.wait_for(asyncio.gather(*tasks), 0.01)
        await bot.send("next")
        return bot

    bot = run(main)
    assert len(bot.left) + bot.refused == 101
    assert bot.refused > 50
