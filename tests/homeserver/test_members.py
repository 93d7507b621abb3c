"""Members talk with each other, so what a member shows of the bot is what the bot did."""

import pytest

from tests.homeserver.event import Shield
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

PICTURE = bytes(range(256)) * 400


async def meet(anna: Member, piotr: Member, text: str = "") -> str:
    """Let one open a chat with the other, who joins it; returns the id of the first text."""
    first = await anna.opens(piotr.user_id, text, waits=False)
    invitation = await piotr.sees(lambda event: event.type == "membership")
    await piotr.joins(invitation.room_id)
    await piotr.knows(anna.user_id, lambda known: known.signed.get(anna.account.device_id, False))
    return first


@pytest.mark.parametrize("mode", [Mode.ENCRYPTED, Mode.SIGNED_ONLY])
async def test_two_members_talk_encrypted_and_see_no_shield(homeserver: Homeserver, mode: Mode) -> None:
    async with member(homeserver, "anna", mode) as anna, member(homeserver, "piotr", mode) as piotr:
        await meet(anna, piotr)
        await anna.says("Dzień dobry")
        assert await piotr.hears("dobry") == "Dzień dobry"
        await piotr.says("Witam")
        await anna.hears("Witam")
        for one in (anna, piotr):
            [message] = one.screen().values()
            assert message.encrypted
            assert message.shield is None
        known = await anna.knows(piotr.user_id)
        assert known.has_identity
        assert known.signed == {piotr.account.device_id: True}


async def test_a_device_that_its_owner_has_not_signed_is_shown_or_left_out(homeserver: Homeserver) -> None:
    async with (
        member(homeserver, "anna") as anna,
        member(homeserver, "piotr", Mode.SIGNED_ONLY) as piotr,
        member(homeserver, "anna", account=anna.account) as phone,
    ):
        await meet(anna, piotr)
        phone.room = anna.room
        unsigned = await phone.sends("Z telefonu")
        unread = await piotr.sees(lambda event: event.event_id == unsigned)
        assert (unread.type, unread.text) == ("undecryptable", "")
        known = await piotr.knows(anna.user_id)
        assert known.signed == {anna.account.device_id: True, phone.account.device_id: False}
        await anna.signs(phone.account.device_id)
        await piotr.knows(anna.user_id, lambda known: known.signed.get(phone.account.device_id, False))


async def test_an_unsigned_device_gets_a_red_shield(homeserver: Homeserver) -> None:
    async with (
        member(homeserver, "anna") as anna,
        member(homeserver, "piotr") as piotr,
        member(homeserver, "anna", account=anna.account) as phone,
    ):
        await meet(anna, piotr)
        phone.room = anna.room
        await phone.sends("Z telefonu")
        await piotr.hears("Z telefonu")
        [message] = piotr.screen().values()
        assert message.shield == Shield("red", "UNSIGNED_DEVICE")


async def test_members_do_what_people_do_in_a_chat(homeserver: Homeserver) -> None:
    async with member(homeserver, "anna") as anna, member(homeserver, "piotr") as piotr:
        first = await meet(anna, piotr, "Co słychać?")
        await piotr.hears("Co słychać?")
        await piotr.reads(first)
        await piotr.types()
        answer = await piotr.sends("Dobrze", html="<b>Dobrze</b>", reply_to=first, mentions=[anna.user_id])
        await piotr.sends("W wątku", thread=first)
        await piotr.edits(answer, "Bardzo dobrze")
        reaction = await piotr.reacts("👍", first)
        await piotr.redacts(reaction)

        await anna.hears("Dobrze", "W wątku", "Bardzo dobrze")
        said = next(event for event in anna.seen if event.event_id == answer)
        assert (said.html, said.msgtype, said.reply_to) == ("<b>Dobrze</b>", "m.text", first)
        assert (said.mentions, said.thread, said.sender) == ([anna.user_id], "", piotr.user_id)
        edited, threaded = anna.screen().values()
        assert (edited.text, edited.edit_of) == ("Bardzo dobrze", answer)
        assert (threaded.thread, threaded.encrypted) == (first, True)
        reacted = await anna.sees(lambda event: event.event_id == reaction)
        assert (reacted.reaction, reacted.reaction_to, reacted.encrypted) == ("👍", first, False)
        await anna.sees(lambda event: event.redacts == reaction)
        await anna.sees(lambda event: event.type == "m.typing" and event.content["typing"])
        await anna.sees(lambda event: event.type == "m.receipt" and event.content["target"] == first)


@pytest.mark.parametrize("mode", [Mode.ENCRYPTED, Mode.PLAIN])
async def test_files_and_options(homeserver: Homeserver, mode: Mode) -> None:
    async with member(homeserver, "anna", mode) as anna, member(homeserver, "piotr", mode) as piotr:
        await meet(anna, piotr)
        sent = await anna.sends_file("mapa.png", PICTURE, "image/png")
        picture = await piotr.sees(lambda event: event.event_id == sent)
        assert (picture.msgtype, picture.text) == ("m.image", "mapa.png")
        assert ("file" in picture.content) is picture.encrypted is (mode is not Mode.PLAIN)
        assert await piotr.downloads(picture) == PICTURE

        asked = await piotr.sends("Będziesz 2 grudnia?\n\n1️⃣ Będę\n2️⃣ Nie będę")
        await anna.hears("Będziesz")
        assert anna.labels() == ["Będę", "Nie będę"]
        await anna.presses("Nie będę")
        await piotr.sees(lambda event: (event.reaction, event.reaction_to) == ("2️⃣", asked))
        await piotr.sends("1. Menu")
        await anna.hears("Menu")
        await anna.presses("Menu")
        assert await piotr.hears() == "mapa.png"
        assert await piotr.hears() == "1"


async def test_a_room_is_replaced_and_left_and_somebody_wants_to_be_verified(homeserver: Homeserver) -> None:
    async with member(homeserver, "anna") as anna, member(homeserver, "piotr") as piotr:
        await meet(anna, piotr)
        await anna.asks_to_verify(piotr.user_id)
        await piotr.hears("verif")
        new = await anna.upgrades()
        tombstone = await piotr.sees(lambda event: event.type == "m.room.tombstone")
        assert tombstone.content["replacement_room"] == new
        await anna.invites(piotr.user_id)
        await piotr.sees(lambda event: event.room_id == new and event.content["membership"] == "invite")
        await piotr.joins(new)
        await piotr.leaves()
        left = await anna.sees(
            lambda event: event.room_id == new and event.content.get("membership") == "leave"
        )
        assert left.state_key == piotr.user_id


async def test_a_stranger_takes_keys_and_sends_what_no_client_does(homeserver: Homeserver) -> None:
    stranger = Stranger(homeserver)
    stranger.uploads_device_keys({"curve25519": "garbage", "ed25519": ""})
    async with member(homeserver, "anna") as anna:
        stranger.sends_to_devices(anna.user_id, "m.room.encrypted", {"ciphertext": 1})
        taken = stranger.claims_keys(anna.user_id, 20)
        assert len({key["key"] for key in taken}) == 20
        room = stranger.opens(anna.user_id)
        await anna.sees(lambda event: event.room_id == room)
        await anna.joins(room)
        stranger.says(room, "Bez szyfrowania")
        await anna.hears("Bez szyfrowania")
        assert (await anna.knows(stranger.user_id)).signed == {stranger.account.device_id: False}
