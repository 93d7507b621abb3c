"""What shows that the bot reads and writes, beside its messages, as somebody with a client sees it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from markupsafe import Markup

from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.session import Account
from handlers.dialogue.message import Option, Outgoing
from tests.bot.matrix_bot import Bot, running
from tests.homeserver.member import MESSAGE, Member, member
from tests.homeserver.synapse import Homeserver


@dataclass
class Chat:
    """A bot, its courtesies, and somebody who has written `question`."""

    bot: Bot
    courtesy: Courtesy
    anna: Member
    question: str


@pytest.fixture
async def chat(homeserver: Homeserver, known: Account, tmp_path: Path) -> AsyncIterator[Chat]:
    """Give a chat."""
    async with running(known, tmp_path / "matrix") as bot, member(homeserver, "anna") as anna:
        question = await anna.opens(bot.user_id, "Co nowego?")
        await bot.hears("Co nowego?")
        courtesy = Courtesy(bot.client, reacts=True)
        yield Chat(bot, courtesy, anna, question)
        await courtesy.stop()


def typing(chat: Chat) -> list[bool]:
    """Return when the bot began and ended to type, as far as it was seen."""
    return [bool(event.content["typing"]) for event in chat.anna.seen if event.type == "m.typing"]


async def test_an_answer_that_comes_at_once_is_not_announced_and_the_question_is_read(chat: Chat) -> None:
    chat.courtesy.begin(chat.anna.room, chat.question)
    chat.courtesy.end(chat.anna.room)
    await chat.anna.sees(lambda event: event.type == "m.receipt")
    assert typing(chat) == []


async def test_an_answer_that_takes_a_while_is_announced_until_it_is_there(chat: Chat) -> None:
    chat.courtesy.begin(chat.anna.room, chat.question)
    await chat.anna.sees(lambda event: event.type == "m.receipt")
    await chat.anna.sees(lambda event: event.type == "m.typing" and event.content["typing"])
    chat.courtesy.end(chat.anna.room)
    await chat.anna.sees(lambda event: event.type == "m.typing" and not event.content["typing"])
    assert typing(chat) == [True, False]


async def test_reactions_come_one_message_after_another_under_the_newest_first(chat: Chat) -> None:
    options = (Option("Tak", "/yes"), Option("Nie", "/no"))
    said = [await chat.bot.says(chat.anna.room, f"Pytanie {number}") for number in range(3)]
    for number, event_id in enumerate(said):
        chat.courtesy.offer(number, chat.anna.room, event_id, Outgoing(Markup("Pytanie"), options))
    await chat.anna.sees(lambda event: event.reaction_to == said[0] and event.reaction.startswith("2"))
    seen = [event.reaction_to for event in chat.anna.seen if event.reaction]
    assert seen == [said[2]] * 2 + [said[1]] * 2 + [said[0]] * 2


async def test_no_reaction_is_put_while_a_message_is_under_way(chat: Chat) -> None:
    options = (Option("Tak", "/yes"),)
    with chat.courtesy.giving_way():
        asked = await chat.bot.says(chat.anna.room, "Pytanie")
        chat.courtesy.offer(1, chat.anna.room, asked, Outgoing(Markup("Pytanie"), options))
        last = await chat.bot.says(chat.anna.room, "Ostatnia")
    await chat.anna.sees(lambda event: event.reaction_to == asked)
    seen = [event.event_id if event.type == MESSAGE else event.reaction_to for event in chat.anna.seen]
    assert [one for one in seen if one in {asked, last}] == [asked, last, asked]
