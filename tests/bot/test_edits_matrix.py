"""Edits and redactions on Matrix, through the whole program and a client which is not ours."""

from contextlib import AsyncExitStack

import pytest

from tests.bot.matrix_town import Town, town
from tests.homeserver.client import ClientError
from tests.homeserver.member import Mode, member

__all__ = ["town"]

CLUSTER, NO_MEETING = "sieć stałej współpracy", "Nie ma teraz zaplanowanego spotkania"


async def test_the_last_message_is_understood_anew(town: Town) -> None:
    code = await town.program.claim_code()
    ewa = await town.person("ewa", f"!claim {code}", "Witamy w roli koordynatora")
    question = await ewa.sends("co to jest klaster")
    await ewa.hears(CLUSTER)
    await town.program.restart()  # by then it is recorded what was sent
    seen = list(ewa.screen())
    await ewa.edits(question, "!spotkania")
    await ewa.hears(NO_MEETING)
    assert list(ewa.screen()) == seen
    await ewa.says("!nowe_spotkanie", "Jaki tytuł")
    title = await ewa.sends("Rda")
    await ewa.hears("Kiedy się zaczyna?")
    await town.program.restart()
    seen = list(ewa.screen())
    await ewa.edits(title, "?!")
    await ewa.hears("Nie widzę tu liter.", "Jaki tytuł")
    await town.program.restart()
    await ewa.edits(title, "Rada Klastra")
    await ewa.hears("Kiedy się zaczyna?")
    assert list(ewa.screen()) == seen
    await ewa.says("1.12.2027 17:00", "Gdzie się odbędzie?")
    await ewa.edits(title, "Kino")
    await ewa.hears("Wyślij poprawkę jako nową wiadomość.", "Gdzie się odbędzie?")


async def test_nobody_edits_or_takes_back_what_somebody_else_wrote(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    jan = await town.stack.enter_async_context(member(town.server, "jan"))
    question = await anna.sends("co to jest klaster")
    await anna.hears(CLUSTER)
    await anna.invites(jan.user_id)
    await jan.joins(anna.room)
    await jan.edits(question, "!spotkania")
    bot = town.bot.user_id
    new = {"msgtype": "m.text", "body": "!spotkania", "m.mentions": {"user_ids": [bot]}}
    relation = {"rel_type": "m.replace", "event_id": question}
    await jan.sends_event("m.room.message", {**new, "m.new_content": new, "m.relates_to": relation})
    with pytest.raises(ClientError):
        await jan.redacts(question)
    await jan.sends("kto jest przewodniczącym rady?", mentions=[bot])
    await anna.hears("Przewodnicz")
    assert not any(NO_MEETING in event.text for event in anna.screen().values())


async def test_what_is_written_and_edited_while_the_bot_is_away_is_answered_once(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    await town.program.stop()
    question = await anna.sends("co to jest klaster")
    await anna.edits(question, "kto jest przewodniczącym rady?")
    await anna.edits(question, "!spotkania")
    redacted = await anna.sends("!profil")
    await anna.redacts(redacted)
    gone = await anna.sends("!prywatnosc")
    await anna.edits(gone, "!ogloszenia")
    await anna.redacts(gone)
    await town.program.start()
    await anna.hears(NO_MEETING)
    await anna.says("!imie", "Jak się nazywasz?")
    assert len(anna.screen()) == 3


async def test_a_redacted_answer_stays_in_its_form_and_is_not_understood_anew(town: Town) -> None:
    anna = await town.person("anna", "!zglos", "Jaka organizacja")
    answer = await anna.sends("Zorza")
    await anna.hears("osobą do kontaktu")
    await anna.redacts(answer)
    await anna.edits(answer, "Wisła")
    await anna.says("Anna Nowak", "adres e-mail")
    await anna.says("a@b.pl", "Który obszar")
    await anna.says("woda", "Czy Izba może przechowywać")
    await anna.says("1", "Organizacja: Zorza")


async def test_a_reaction_taken_back_undoes_nothing_and_another_counts(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    [welcome] = anna.screen().values()
    number = f"{anna.labels().index('Spotkania') + 1}️⃣"
    first = await anna.reacts(number, welcome.event_id)
    await anna.hears(NO_MEETING)
    await anna.redacts(first)
    menu = f"{anna.labels().index('Menu') + 1}️⃣"
    await anna.reacts(menu, welcome.event_id)
    await anna.hears("Po prostu napisz pytanie")
    assert list(anna.screen()) == [welcome.event_id]


async def test_an_edit_that_is_not_encrypted_counts_in_a_plain_room(town: Town) -> None:
    async with AsyncExitStack() as stack:
        anna = await stack.enter_async_context(member(town.server, "anna", Mode.PLAIN))
        await anna.opens(town.bot.user_id)
        question = await anna.sends("co to jest klaster")
        await anna.hears(CLUSTER)
        await anna.edits(question, "!spotkania")
        await anna.hears(NO_MEETING)
