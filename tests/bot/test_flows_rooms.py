"""Rooms with others on Matrix, through the whole program: announcing there, and what is said alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web

from storage import rooms
from tests.bot.matrix_bot import PATIENCE
from tests.bot.matrix_proxy import proxied, refused
from tests.bot.matrix_town import Town, open_town
from tests.homeserver.event import Event
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.stranger import Stranger
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
    await ewa.says(text, "obraz albo plik")
    await ewa.says("pomiń", "Kto ma je dostać?")
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
    await ewa.presses("Ogłoś to spotkanie", "Pokój „Tablica”")
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
    await anna.sees(lambda event: is_move(event, town, anna.room, "leave"))


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


async def test_a_room_that_lets_the_bot_write_no_more_is_left_and_may_invite_it_anew(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    ewa, chat, room = await named_room(town, anna)
    ewa.room = room
    levels = {"events_default": 0, "invite": 0}
    await ewa.sets_state("m.room.power_levels", levels | {"events_default": 50})
    ewa.room = chat
    await announce(ewa, "Jutro nie ma wody")
    await ewa.sees(lambda event: is_move(event, town, room, "leave"))
    async with asyncio.timeout(PATIENCE):
        while await town.program.running.store.read(rooms.list_announcing_rooms):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    town.program.running.clock.wake()
    await ewa.hears("Nie mogę już pisać w pokoju „Tablica”.")
    await anna.hears("Jutro nie ma wody")
    ewa.room = room
    await ewa.sets_state("m.room.power_levels", levels)
    await ewa.invites(town.bot.user_id)
    await ewa.hears("Pokój „Tablica”.", "Są w nim 2 osoby.")


async def test_a_chat_with_several_is_a_room_with_others(town: Town) -> None:
    ewa = await town.person("ewa", f"!claim {await town.program.claim_code()}", "Witamy w roli koordynatora")
    mallory, others = Stranger(town.server), [town.bot.user_id, ewa.user_id]
    mallory.opens(town.bot.user_id, invite=others)  # so does a client that opens a chat with two people
    room = await ewa.accepts()
    await ewa.sees(lambda event: is_move(event, town, room, "leave"))
    await ewa.sets_state("m.room.member", {"membership": "invite", "is_direct": True}, town.bot.user_id)
    await ewa.hears("Czy ogłoszenia dla wszystkich mają trafiać tam?", "Są w nim 2 osoby.")


def is_move(event: Event, town: Town, room: str, membership: str) -> bool:
    """Return whether the bot joins or leaves a room with an event."""
    mine = event.type == "m.room.member" and event.state_key == town.bot.user_id
    return mine and event.room_id == room and event.content["membership"] == membership


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
    await ewa.sees(lambda event: is_move(event, town, successor, "join"))
    return successor


async def test_when_no_more_chats_may_be_opened_messages_still_leave(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    asked = asyncio.Event()

    def refuse(_method: str, path: str) -> web.Response | None:
        if not path.endswith("/createRoom"):
            return None
        asked.set()
        return refused(429, errcode="M_LIMIT_EXCEEDED", retry_after_ms=60_000)

    async with (
        proxied(homeserver.url) as proxy,
        open_town(homeserver, tmp_path, proxy.url) as town,
        member(homeserver, "ola", Mode.SIGNED_ONLY) as ola,
    ):
        ewa, _, _ = await named_room(town, ola)
        proxy.refuse = refuse
        await ola.sends("bot: !profil", mentions=[town.bot.user_id])
        await asked.wait()
        await ewa.says("co to jest klaster", "sieć stałej współpracy")


async def test_what_is_no_change_of_the_room_changes_nothing(town: Town) -> None:
    anna = await town.person("anna", "!start", "Dzień dobry")
    ewa, _, room = await named_room(town, anna)
    mallory = Stranger(town.server)
    elsewhere = mallory.calls("POST", "createRoom", {"preset": "public_chat"})["room_id"]
    # Encrypted, an event passes for any other: the homeserver does not ask who may change the room.
    anna.room = room
    await anna.sends_event("m.room.member", {"membership": []})
    await anna.sends_event("m.room.tombstone", {"replacement_room": elsewhere})
    request = {"body": "", "to": ewa.user_id, "from_device": "PHONE", "methods": ["m.sas.v1"]}
    await anna.sends_event("m.room.message", {"msgtype": "m.key.verification.request", **request})
    await anna.sends("bot: co to jest klaster?", mentions=[town.bot.user_id])
    await anna.hears("sieć stałej współpracy")
    await announce(ewa, "Jutro nie ma wody")
    await anna.hears("Jutro nie ma wody")
    assert {event.room_id for event in anna.screen().values() if "Jutro nie ma wody" in event.text} == {room}
    assert town.bot.user_id not in mallory.calls("GET", f"rooms/{quote(elsewhere)}/joined_members")["joined"]
    assert not [event for event in anna.seen if event.type == "m.key.verification.cancel"]
