"""Edits and redactions on Matrix, through the whole program and a client which is not ours."""

import pytest

from handlers.dialogue.choices import number_emoji
from tests.conversations.matrix import MatrixTown
from tests.homeserver.client import ClientError
from tests.homeserver.member import Mode

CLUSTER, NO_MEETING = "sieć stałej współpracy", "Nie ma teraz zaplanowanego spotkania"


async def test_the_last_message_is_understood_anew(place: MatrixTown) -> None:
    ewa = await place.coordinator()
    await ewa.says("co to jest klaster", CLUSTER)
    await place.town.program.restart()
    await ewa.corrects("/spotkania", NO_MEETING)
    await ewa.says("/nowe_spotkanie", "Jaki tytuł")
    await ewa.says("Rda", "Kiedy się zaczyna?")
    await ewa.corrects("?!", "Nie widzę tu liter.", "Jaki tytuł")
    await place.town.program.restart()
    await ewa.corrects("Rada Klastra", "Kiedy się zaczyna?")
    await ewa.says("1.12.2027 17:00", "Gdzie się odbędzie?")
    await ewa.rewrites("Kino", back=2)
    await ewa.hears("Wyślij poprawkę jako nową wiadomość.")
    await ewa.until(lambda: ewa.count("Gdzie się odbędzie?") == 2)


async def test_nobody_edits_or_takes_back_what_somebody_else_wrote(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    await anna.says("co to jest klaster", CLUSTER)
    [_, question] = anna.wrote
    jan = await anna.brings(await place.person("Jan Lis"))
    await jan.client.edits(question, "!spotkania")
    new = {"msgtype": "m.text", "body": "!spotkania", "m.mentions": {"user_ids": [place.bot]}}
    relation = {"rel_type": "m.replace", "event_id": question}
    await jan.client.sends_event("m.room.message", {**new, "m.new_content": new, "m.relates_to": relation})
    with pytest.raises(ClientError):
        await jan.client.redacts(question)
    await jan.addresses("kto jest przewodniczącym rady?")
    await anna.hears("Przewodnicz")
    assert anna.count(NO_MEETING) == 0


async def test_what_is_written_and_edited_while_the_bot_is_away_is_answered_once(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    await place.town.program.stop()
    await anna.writes("co to jest klaster")
    await anna.rewrites("kto jest przewodniczącym rady?")
    await anna.rewrites("/spotkania")
    await anna.writes("/profil")
    await anna.takes_back()
    await anna.writes("/prywatnosc")
    await anna.rewrites("/ogloszenia")
    await anna.takes_back()
    await place.town.program.start()
    await anna.hears(NO_MEETING)
    await anna.says("/imie", "Jak się nazywasz?")
    assert len(anna.screen()) == 3


async def test_a_redacted_answer_stays_in_its_form_and_is_not_understood_anew(place: MatrixTown) -> None:
    anna = await place.person("Anna Nowak")
    await anna.says("/zglos", "Jaka organizacja")
    await anna.says("Zorza", "osobą do kontaktu")
    await anna.takes_back()
    await anna.rewrites("Wisła")
    await anna.says("Anna Nowak", "adres e-mail")
    await anna.says("a@b.pl", "Który obszar")
    await anna.says("woda", "Czy Izba może przechowywać")
    await anna.says("1", "Organizacja: Zorza")


async def test_a_reaction_taken_back_undoes_nothing_and_another_counts(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    [welcome] = anna.screen()
    number = number_emoji(welcome.labels.index("Spotkania") + 1)
    first = await anna.client.reacts(number, welcome.ref)
    await anna.hears(NO_MEETING)
    await anna.client.redacts(first)
    await anna.presses("Menu", "Po prostu napisz pytanie")
    assert [one.ref for one in anna.screen()] == [welcome.ref]


async def test_an_edit_that_is_not_encrypted_counts_in_a_plain_room(place: MatrixTown) -> None:
    anna = await place.person("Anna Nowak", Mode.PLAIN)
    await anna.says("co to jest klaster", CLUSTER)
    await anna.corrects("/spotkania", NO_MEETING)
