"""Edits on Telegram, through the whole program: the last message is understood anew, nothing else is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.telegram_town import Phone, Town, labels, open_town


@pytest.fixture(params=["polling", "webhook"])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    async with open_town(tmp_path, by_webhook=request.param == "webhook") as opened:
        yield opened


async def recorded(town: Town) -> None:
    """Return once it is recorded which messages were sent."""
    await town.restart()


async def test_a_question_and_an_answer_in_a_form_are_corrected(town: Town) -> None:
    ewa = await town.coordinator()
    await ewa.says("co to jest klaster", "sieć stałej współpracy")
    await recorded(town)
    await ewa.edits("kiedy następne spotkanie?", "Nie ma teraz zaplanowanego spotkania")
    await recorded(town)
    ewa.person.edits(ewa.person.wrote[-1], "kiedy następne spotkanie?")  # a link preview, say
    await ewa.says("/nowe_spotkanie", "Jaki tytuł")
    ewa.person.edits(ewa.person.wrote[0], "co to jest klaster")
    await ewa.hears("Wyślij poprawkę jako nową wiadomość.")
    await ewa.hears("Jaki tytuł")
    await ewa.says("Rda", "Kiedy się zaczyna?")
    await recorded(town)
    await ewa.edits("?!", "Jaki tytuł")
    await recorded(town)
    await ewa.edits("Rada Klastra", "Kiedy się zaczyna?")
    await ewa.says("jutro 17:00", "Gdzie się odbędzie?")


async def test_in_a_group_what_is_addressed_can_be_corrected(town: Town) -> None:
    anna, jan, group = town.person("Anna Nowak"), town.person("Jan"), town.fake.group()
    there, also = Phone(anna.person, group), Phone(jan.person, group)
    await there.says("@aglomeracja_bot co to jest klaster?", "sieć stałej współpracy")
    await also.says("@aglomeracja_bot co to jest klaster?", "sieć stałej współpracy")
    jan.person.edits(anna.person.wrote[-1], "@aglomeracja_bot kiedy następne spotkanie?", into=group)
    anna.person.writes("nie do bota", into=group)
    anna.person.edits(anna.person.wrote[-1], "@aglomeracja_bot dalej nie", into=group)
    await recorded(town)
    await there.edits("@aglomeracja_bot kiedy następne spotkanie?", "Nie ma teraz", back=2)
    assert ["Nie ma teraz" in text for text in group.texts] == [True, False]


async def test_what_was_edited_while_the_bot_was_away_is_answered_once(tmp_path: Path) -> None:
    async with open_town(tmp_path, by_webhook=False) as town:
        anna = town.person("Anna Nowak")
        await anna.says("/start", "Dzień dobry!")
        await town.stop()
        anna.person.writes("co to jest klaster")
        for text in ("kto jest kordynatorem", "kiedy następne spotkanie?"):
            anna.person.edits(anna.person.wrote[-1], text)
        await town.start()
        await anna.hears("Nie ma teraz zaplanowanego spotkania")
        await anna.says("/profil", "Anna Nowak")
        assert len(anna.sent) == 3


async def test_a_choice_typed_is_another_choice_once_edited(town: Town) -> None:
    anna = town.person("Anna Nowak")
    await anna.says("/jezyk", "Polish or English?")
    await anna.says("1", "Od teraz rozmawiamy po polsku.")
    await recorded(town)
    answer = await anna.edits("English", "From now on we speak English.")
    assert labels(answer) == ["Menu"]
