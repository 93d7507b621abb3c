"""Edits on Telegram, through the whole program: the last message is understood anew, nothing else is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.phone import Phone, Telegram, by_webhook
from tests.conversations.town import Town, open_town

CLUSTER, NO_MEETING = "sieć stałej współpracy", "Nie ma teraz zaplanowanego spotkania"


@pytest.fixture(params=["polling", "webhook"])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    """Run the program on Telegram, to which updates come in one way or the other."""
    settings = by_webhook() if request.param == "webhook" else {}
    async with open_town(tmp_path, ["telegram"], **settings) as opened:
        yield opened


async def comes(town: Town, name: str) -> Phone:
    """Return somebody who has not written yet."""
    return await town.at(Telegram).person(town.program, name)


async def test_a_question_and_an_answer_in_a_form_are_corrected(town: Town) -> None:
    ewa = await town.appoints(await comes(town, "Ewa Kos"))
    await ewa.says("co to jest klaster", CLUSTER)
    await town.program.restart()
    await ewa.corrects("kiedy następne spotkanie?", NO_MEETING)
    await ewa.rewrites("kiedy następne spotkanie?")  # a link preview, say
    await ewa.says("/nowe_spotkanie", "Jaki tytuł")
    assert len(ewa.user.fake.called("editMessageText")) == 1
    await ewa.rewrites("co to jest klaster", back=len(ewa.user.wrote))
    await ewa.hears("Wyślij poprawkę jako nową wiadomość.")
    await ewa.until(lambda: ewa.count("Jaki tytuł") == 2)
    await ewa.says("Rda", "Kiedy się zaczyna?")
    await ewa.corrects("?!", "Jaki tytuł")
    await ewa.corrects("Rada Klastra", "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")


async def test_in_a_group_what_is_addressed_can_be_corrected(town: Town) -> None:
    anna, jan = await comes(town, "Anna Nowak"), await comes(town, "Jan Lis")
    group = town.at(Telegram).fake.group()
    there, also = (Phone(one.user, town.program, group) for one in (anna, jan))
    await there.says("@aglomeracja_bot co to jest klaster?", CLUSTER)
    await also.says("@aglomeracja_bot co to jest klaster?", CLUSTER)
    jan.user.edits(anna.user.wrote[-1], "@aglomeracja_bot kiedy następne spotkanie?", into=group)
    await there.writes("nie do bota")
    await there.rewrites("@aglomeracja_bot dalej nie")
    await town.program.restart()
    await there.corrects("@aglomeracja_bot kiedy następne spotkanie?", NO_MEETING, back=2)
    assert [NO_MEETING in text for text in group.texts] == [True, False]


async def test_what_was_edited_while_the_bot_was_away_is_answered_once(tmp_path: Path) -> None:
    async with open_town(tmp_path, ["telegram"]) as town:
        anna = await town.greets(await comes(town, "Anna Nowak"))
        await town.program.stop()
        await anna.writes("co to jest klaster")
        for text in ("kto jest kordynatorem", "kiedy następne spotkanie?"):
            await anna.rewrites(text)
        await town.program.start()
        await anna.hears(NO_MEETING)
        await anna.says("/profil", "Anna Nowak")
        assert len(anna.screen()) == 3


async def test_a_choice_typed_is_another_choice_once_edited(town: Town) -> None:
    anna = await comes(town, "Anna Nowak")
    await anna.says("/jezyk", "Polish or English?")
    await anna.says("1", "Od teraz rozmawiamy po polsku.")
    answer = await anna.corrects("English", "From now on we speak English.")
    assert answer.labels == ("Menu",)
