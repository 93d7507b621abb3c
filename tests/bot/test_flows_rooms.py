"""Rooms with others on Matrix, through the whole program: announcing there, and what is said alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.test_flows_matrix import Town, open_town
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Homeserver


@pytest.fixture
async def town(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Town]:
    """Run the program on the homeserver."""
    async with open_town(homeserver, tmp_path) as opened:
        yield opened


async def named_room(town: Town, *others: Member) -> tuple[Member, str, str]:
    """Return a coordinator, the chat of theirs with the bot, and a room named for announcements."""
    ewa = await town.person("ewa", f"!claim {await town.program.claim_code()}", "Witamy w roli koordynatora")
    chat = ewa.room
    room = await ewa.gathers("Tablica", town.bot.user_id, *(other.user_id for other in others))
    for other in others:
        await other.joins(room)
    await ewa.hears("Pokój „Tablica”.", "Czy ogłoszenia dla wszystkich mają trafiać tam?")
    ewa.room = chat
    await ewa.presses(
        "Tak, ogłaszaj tam", "trafiają teraz do pokoju „Tablica”", "Od teraz będą tu ogłoszenia"
    )
    return ewa, chat, room


async def announce(ewa: Member, text: str) -> None:
    """Announce something to everyone."""
    await ewa.says("!nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.says(text, "Kto ma je dostać?")
    await ewa.says("wszyscy", "Kiedy?")
    await ewa.says("teraz", text)
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")


async def test_one_event_stands_for_all_in_the_room(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    jan = await town.person("jan", "!start", "Dzień dobry")
    alone = anna.room, jan.room
    ewa, chat, room = await named_room(town, anna)
    await announce(ewa, "Jutro nie ma wody")
    await anna.hears("Ogłoszenie Klastra „Aglomeracja”", "Jutro nie ma wody")
    await jan.hears("Jutro nie ma wody")
    await ewa.says("!ogloszenia", "Doręczono: 2")
    [there] = [event for event in anna.screen().values() if "Jutro nie ma wody" in event.text]
    [apart] = [event for event in jan.screen().values() if "Jutro nie ma wody" in event.text]
    assert (there.room_id, apart.room_id) == (room, alone[1])
    assert there.encrypted
    assert there.shield is None
    assert there.content["m.mentions"] == {"room": True}
    assert apart.content["m.mentions"] == {}
    # After a restart the room is what it was, also with somebody new in it.
    await town.program.stop()
    await ewa_invites(ewa, room, jan)
    await town.program.start()
    ewa.room = chat
    await announce(ewa, "Woda już jest")
    await jan.hears("Woda już jest")
    await ewa.says("!ogloszenia", "Doręczono: 1")
    assert [event.room_id for event in jan.screen().values() if "Woda już jest" in event.text] == [room]


async def ewa_invites(ewa: Member, room: str, other: Member) -> None:
    """Let somebody come into a room."""
    ewa.room = room
    await ewa.invites(other.user_id)
    await other.joins(room)


async def test_in_the_room_only_a_mention_is_answered_and_what_is_personal_alone(town: Town) -> None:
    async with member(town.server, "ola", Mode.SIGNED_ONLY) as ola:
        ewa, _, room = await named_room(town, ola)
        await ola.sends("co to jest klaster")
        await ola.sends("bot: co to jest klaster?", mentions=[town.bot.user_id])
        await ola.hears("sieć stałej współpracy")
        assert sum("sieć stałej współpracy" in event.text for event in ola.screen().values()) == 1
        await ola.sends("bot: !profil", mentions=[town.bot.user_id])
        await ola.hears("Odpowiadam w osobnej rozmowie: przyjmij zaproszenie.")
        chat = await ola.accepts()
        await ola.hears("Twój profil")
        [profile] = [event for event in ola.screen().values() if "Twój profil" in event.text]
        assert (profile.room_id, profile.encrypted, profile.shield) == (chat, True, None)
        await ola.says("co to jest klaster", "sieć stałej współpracy")
        await ola.says("!nowe_ogloszenie", "To może zrobić tylko koordynator.")
        assert ewa.room != room


async def test_a_reaction_in_the_room_is_a_reply_to_the_meeting(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    chat = anna.room
    ewa, _, room = await named_room(town, anna)
    await ewa.says("!nowe_spotkanie", "tytuł")
    await ewa.says("Rada Klastra", "Kiedy")
    await ewa.says("1.12.2027 17:00", "Gdzie")
    await ewa.says("Ratusz", "program")
    await ewa.presses("Pomiń", "miejsc")
    await ewa.presses("Pomiń", "Rada Klastra")
    await ewa.presses("Zapisz", "Zapisano")
    await ewa.presses("Ogłoś to spotkanie", "Oraz pokój „Tablica”")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    invitation = await anna.sees(lambda event: event.room_id == room and "Rada Klastra" in event.text)
    anna.room = room
    await anna.reacts("1️⃣", invitation.event_id)
    await anna.hears("Twoja odpowiedź: będę.")
    [reply] = [event for event in anna.screen().values() if "Twoja odpowiedź: będę." in event.text]
    assert reply.room_id == chat
    assert anna.screen()[invitation.event_id].text == invitation.text
    await ewa.says("!obecnosc", "Będzie: 1")


async def test_only_a_coordinator_brings_the_bot_into_a_room(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    await anna.gathers("Nie dla bota", town.bot.user_id)
    await anna.sees(
        lambda event: (
            event.type == "m.room.member"
            and event.state_key == town.bot.user_id
            and event.content["membership"] == "leave"
        )
    )


async def test_a_room_that_the_bot_is_removed_from_loses_no_announcement(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    ewa, chat, room = await named_room(town, anna)
    ewa.room = room
    await ewa.removes(town.bot.user_id)
    ewa.room = chat
    town.program.running.clock.wake()
    await ewa.hears("Nie mogę już pisać w pokoju „Tablica”.")
    await announce(ewa, "Jutro nie ma wody")
    await anna.hears("Jutro nie ma wody")


async def test_an_upgraded_room_is_announced_in(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    ewa, chat, _ = await named_room(town, anna)
    successor = await upgraded(ewa, town)
    await ewa_invites(ewa, successor, anna)
    ewa.room = chat
    await ewa.says("!pokoj", "„Tablica”: trafiają tam ogłoszenia.")
    await announce(ewa, "Jutro nie ma wody")
    await anna.hears("Jutro nie ma wody")
    [event] = [event for event in anna.screen().values() if "Jutro nie ma wody" in event.text]
    assert event.room_id == successor


async def upgraded(ewa: Member, town: Town) -> str:
    """Let somebody replace the room by one of another version, to which the bot is invited."""
    ewa.room = next(event.room_id for event in ewa.seen if "Od teraz będą tu" in event.text)
    successor = await ewa.upgrades()
    await ewa.invites(town.bot.user_id)
    await ewa.sees(
        lambda event: (
            event.room_id == successor
            and event.state_key == town.bot.user_id
            and event.content["membership"] == "join"
        )
    )
    return successor
