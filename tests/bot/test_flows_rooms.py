"""Rooms with others on Matrix, through the whole program: announcing there, and what is said alone."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from storage import rooms
from tests.bot.matrix_bot import PATIENCE
from tests.bot.matrix_proxy import proxied, refused
from tests.conversations.chat import Chat
from tests.conversations.matrix import MatrixTown, open_matrix_town
from tests.conversations.walks import TITLE, announce, plan
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

NO_WATER, WATER = "Jutro nie ma wody", "Woda już jest"
CLUSTER = "sieć stałej współpracy"


async def named_room(place: MatrixTown, *others: Chat) -> tuple[Chat, Chat]:
    """Return a coordinator's chat with the bot, and a room of theirs that is named for announcements."""
    ewa = await place.coordinator()
    room = await ewa.gathers("Tablica", *others)
    await ewa.hears("Pokój „Tablica”.", "Czy ogłoszenia dla wszystkich mają trafiać tam?")
    await ewa.presses("Tak, ogłaszaj tam", "trafiają teraz do pokoju „Tablica”")
    await room.hears("Od teraz będą tu ogłoszenia")
    return ewa, room


async def test_one_event_stands_for_all_in_the_room(place: MatrixTown) -> None:
    anna, jan = await place.comes("Anna Nowak"), await place.comes("Jan Lis")
    ewa, room = await named_room(place, anna)
    there = anna.inside(room)
    await announce(ewa, NO_WATER)
    public = there.event(await there.hears("Ogłoszenie Klastra „Aglomeracja”", NO_WATER))
    private = jan.event(await jan.hears(NO_WATER))
    await place.town.sent()
    await ewa.says("/ogloszenia", "Doręczono: 2")
    assert [one.count(NO_WATER) for one in (there, anna, jan)] == [1, 0, 1]
    assert public.encrypted
    assert public.shield is None
    assert public.content["m.mentions"] == {"room": True}
    assert private.content["m.mentions"] == {}
    # After a restart the room is what it was, also with somebody new in it.
    await place.town.program.stop()
    too = await room.brings(jan)
    await place.town.program.start()
    await announce(ewa, WATER)
    await too.hears(WATER)
    await place.town.sent()
    await ewa.says("/ogloszenia", "Doręczono: 1")
    assert [one.count(WATER) for one in (too, jan)] == [1, 0]


async def test_in_the_room_only_a_mention_is_answered_and_what_is_personal_alone(place: MatrixTown) -> None:
    ola = await place.person("Ola")
    _, room = await named_room(place, ola)
    there = ola.inside(room)
    await there.writes("co to jest klaster")
    await there.addresses("kiedy następne spotkanie?")
    await there.hears("Nie ma teraz zaplanowanego spotkania")
    assert there.count(CLUSTER) == 0
    await there.addresses("/profil")
    await there.hears("Odpowiadam w osobnej rozmowie: przyjmij zaproszenie.")
    alone = await there.accepts()
    profile = alone.event(await alone.hears("Twój profil"))
    assert (profile.encrypted, profile.shield, there.count("Twój profil")) == (True, None, 0)
    await alone.says("co to jest klaster", CLUSTER)
    await alone.says("/nowe_ogloszenie", "To może zrobić tylko koordynator.")


async def test_a_reaction_in_the_room_is_a_reply_to_the_meeting(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    ewa, room = await named_room(place, anna)
    await plan(ewa)
    await ewa.presses("Ogłoś to spotkanie", "Pokój „Tablica”")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    there = anna.inside(room)
    invitation = await there.hears(TITLE)
    await there.chooses(invitation, "Będę")
    await anna.hears("Twoja odpowiedź: będę.")
    assert (there.count("Twoja odpowiedź"), await there.hears(TITLE)) == (0, invitation)
    await ewa.says("/obecnosc", "Będzie: 1")


async def test_only_a_coordinator_brings_the_bot_into_a_room(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    room = await anna.gathers("Nie dla bota")
    await room.sees_the_bot("leave")


async def test_a_room_that_the_bot_is_removed_from_loses_no_announcement(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    ewa, room = await named_room(place, anna)
    await room.client.removes(place.bot)
    place.town.program.running.clock.wake()
    await ewa.hears("Nie mogę już pisać w pokoju „Tablica”.")
    await announce(ewa, NO_WATER)
    await anna.hears(NO_WATER)


async def test_a_room_that_lets_the_bot_write_no_more_is_left_and_may_invite_it_anew(
    place: MatrixTown,
) -> None:
    anna = await place.comes("Anna Nowak")
    ewa, room = await named_room(place, anna)
    levels = {"events_default": 0, "invite": 0}
    await room.client.sets_state("m.room.power_levels", levels | {"events_default": 50})
    await announce(ewa, NO_WATER)
    await room.sees_the_bot("leave")
    async with asyncio.timeout(PATIENCE):
        while await place.town.program.running.store.read(rooms.list_announcing_rooms):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    place.town.program.running.clock.wake()
    await ewa.hears("Nie mogę już pisać w pokoju „Tablica”.")
    await anna.hears(NO_WATER)
    await room.client.sets_state("m.room.power_levels", levels)
    asked = ewa.count("Pokój „Tablica”.")
    await room.client.invites(place.bot)
    await ewa.until(lambda: ewa.count("Pokój „Tablica”.") > asked)
    await ewa.hears("Pokój „Tablica”.", "Są w nim 2 osoby.")


async def test_a_chat_with_several_is_a_room_with_others(place: MatrixTown) -> None:
    ewa = await place.coordinator()
    mallory = Stranger(place.matrix.crowd.server)
    # So does a client that opens a chat with two people.
    mallory.opens(place.bot, invite=[place.bot, ewa.client.user_id])
    room = await ewa.accepts()
    await room.sees_the_bot("leave")
    await room.client.sets_state("m.room.member", {"membership": "invite", "is_direct": True}, place.bot)
    await ewa.hears("Czy ogłoszenia dla wszystkich mają trafiać tam?", "Są w nim 2 osoby.")


async def test_an_upgraded_room_is_announced_in(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    ewa, room = await named_room(place, anna)
    successor = await room.upgrades()
    await successor.sees_the_bot("join")
    there = await successor.brings(anna)
    await ewa.says("/pokoj", "„Tablica”: trafiają tam ogłoszenia.")
    await announce(ewa, NO_WATER)
    await there.hears(NO_WATER)
    await place.town.sent()
    assert [one.count(NO_WATER) for one in (there, anna.inside(room), anna)] == [1, 0, 0]


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
        open_matrix_town(homeserver, tmp_path, matrix_homeserver=proxy.url) as place,
    ):
        ola = await place.person("Ola")
        ewa, room = await named_room(place, ola)
        proxy.refuse = refuse
        await ola.inside(room).addresses("/profil")
        await asked.wait()
        await ewa.writes("co to jest klaster")
        await ewa.hears(CLUSTER)


async def test_what_is_no_change_of_the_room_changes_nothing(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    ewa, room = await named_room(place, anna)
    mallory = Stranger(place.matrix.crowd.server)
    elsewhere = mallory.calls("POST", "createRoom", {"preset": "public_chat"})["room_id"]
    # Encrypted, an event passes for any other: the homeserver does not ask who may change the room.
    there = anna.inside(room)
    await there.client.sends_event("m.room.member", {"membership": []})
    await there.client.sends_event("m.room.tombstone", {"replacement_room": elsewhere})
    request = {"body": "", "to": ewa.client.user_id, "from_device": "PHONE", "methods": ["m.sas.v1"]}
    await there.client.sends_event("m.room.message", {"msgtype": "m.key.verification.request", **request})
    await there.addresses("co to jest klaster?")
    await there.hears(CLUSTER)
    await announce(ewa, NO_WATER)
    await there.hears(NO_WATER)
    await place.town.sent()
    assert [one.count(NO_WATER) for one in (there, anna)] == [1, 0]
    assert place.bot not in mallory.calls("GET", f"rooms/{quote(elsewhere)}/joined_members")["joined"]
    assert not [event for event in anna.client.seen if event.type == "m.key.verification.cancel"]
