"""What the client does in rooms: sending once, never in plain what is secret, files, coming and going."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.channel import Again, Gone, Never, SendError
from bot.channels.matrix.batch import Event, Invitation, Item
from bot.channels.matrix.client import Client
from bot.channels.matrix.errors import (
    BadFile,
    BigFile,
    Busy,
    Json,
    LoggedOut,
    MatrixError,
    Refused,
    SetupError,
    Unreachable,
    classify,
)
from bot.channels.matrix.session import Account
from tests.bot.matrix_bot import Bot, Twin, opened, running
from tests.bot.matrix_device import KeyedDevice
from tests.homeserver.member import MESSAGE, Member, Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

ALGORITHM = {"algorithm": "m.megolm.v1.aes-sha2"}
PICTURE = bytes(range(256)) * 400


@dataclass
class Chat:
    """A bot and somebody in a chat with it."""

    bot: Bot
    anna: Member


@pytest.fixture
async def chat(homeserver: Homeserver, known: Account, tmp_path: Path) -> AsyncIterator[Chat]:
    """Give an encrypted chat."""
    async with running(known, tmp_path / "matrix") as bot, member(homeserver, "anna") as anna:
        await anna.opens(bot.user_id, "Dzień dobry")
        await bot.hears("Dzień dobry")
        yield Chat(bot, anna)


async def test_a_message_sent_again_after_a_crash_is_the_same_event(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    twin = Twin()
    async with member(homeserver, "anna") as anna:
        async with running(known, tmp_path / "matrix", twin) as bot:
            await anna.opens(bot.user_id)
            first = await bot.says(anna.room, "Raz", "parcel-1")
            assert await bot.says(anna.room, "Raz", "parcel-1") == first
        async with opened(known, tmp_path / "matrix", twin) as client:
            content = {"msgtype": "m.text", "body": "Raz"}
            assert await client.send(anna.room, MESSAGE, content, "parcel-1") == first
            await client.send(anna.room, MESSAGE, {**content, "body": "Dwa"}, "parcel-2")
        await anna.hears("Raz", "Dwa")
        assert [event.text for event in anna.screen().values()] == ["Raz", "Dwa"]


async def test_a_room_gets_nothing_in_plain_once_it_is_encrypted(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    twin = Twin()
    async with member(homeserver, "anna", Mode.PLAIN) as anna:
        async with opened(known, tmp_path / "matrix", twin) as client:
            await anna.opens(client.user_id, waits=False)
            await client.join(anna.room)
            await client.send(anna.room, MESSAGE, {"msgtype": "m.text", "body": "Jawnie"}, "1")
            await anna.sets_state("m.room.encryption", ALGORITHM)
            # Nothing was read since: it is asked of the homeserver.
            await client.send(anna.room, MESSAGE, {"msgtype": "m.text", "body": "Tajnie"}, "2")
            await anna.hears("Jawnie", "Tajnie")
        async with opened(known, tmp_path / "matrix", twin) as client:
            assert await client.vault.run(lambda machine: machine.file.is_encrypted(anna.room))
        assert [event.encrypted for event in anna.screen().values()] == [False, True]


async def test_that_a_room_is_encrypted_is_kept_whatever_the_homeserver_says(chat: Chat) -> None:
    chat.bot.client.server.call = None  # type: ignore[method-assign, assignment]
    assert await chat.bot.client.writer.is_encrypted(chat.anna.room)


async def test_a_reaction_is_not_encrypted(chat: Chat) -> None:
    sent = await chat.anna.sends("Zgoda?")
    relation = {"rel_type": "m.annotation", "event_id": sent, "key": "👍"}
    await chat.bot.client.send(chat.anna.room, "m.reaction", {"m.relates_to": relation}, "1")
    seen = await chat.anna.sees(lambda event: event.reaction == "👍")
    assert (seen.reaction_to, seen.encrypted) == (sent, False)


async def test_an_edit_is_understood(chat: Chat) -> None:
    first = await chat.bot.says(chat.anna.room, "Przed")
    new = {"msgtype": "m.text", "body": "Po"}
    relation = {"rel_type": "m.replace", "event_id": first}
    content = {**new, "body": "* Po", "m.new_content": new, "m.relates_to": relation}
    await chat.bot.client.send(chat.anna.room, MESSAGE, content, "edit")
    await chat.anna.hears("Po")
    assert chat.anna.screen()[first].text == "Po"


async def test_a_new_device_of_a_member_reads_what_comes(homeserver: Homeserver, chat: Chat) -> None:
    bot, anna = chat.bot, chat.anna
    await bot.says(anna.room, "Do jednego")
    async with member(homeserver, "anna", account=anna.account) as phone:
        phone.room = anna.room
        await phone.sends("Z telefonu")
        await bot.hears("Z telefonu")
        await bot.says(anna.room, "Do obu")
        await phone.hears("Do obu")
        await anna.hears("Do obu")


async def test_a_device_that_had_no_key_left_is_not_forgotten(
    homeserver: Homeserver, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, stranger = chat.bot, Stranger(homeserver)
    device = KeyedDevice(stranger)
    room = stranger.opens(bot.user_id, encrypted=True)
    stranger.says(room, "Hej")
    await bot.hears("Hej")
    await bot.says(room, "Raz")
    device.publishes_one_time_key()
    await bot.says(room, "Dwa")
    assert not await reached(bot, room, stranger)  # it is not asked every time
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 301)
    monkeypatch.setattr("bot.channels.matrix.writing.time", later)
    await bot.says(room, "Trzy")
    assert await reached(bot, room, stranger)


async def reached(bot: Bot, room: str, stranger: Stranger) -> bool:
    """Return whether somebody's device has got the key of a room."""
    device = (stranger.user_id, stranger.account.device_id)
    return await bot.client.vault.run(
        lambda machine: device in machine.outbound_group_sessions[room].users_shared_with
    )


async def test_who_has_left_does_not_get_the_key_of_what_comes(chat: Chat) -> None:
    bot, anna = chat.bot, chat.anna
    await bot.says(anna.room, "Do Anny")
    first = await bot.client.vault.run(lambda machine: machine.outbound_group_sessions[anna.room].id)
    await anna.leaves()
    await bot.until(lambda: any(has_left(item, anna.user_id) for item in bot.items))
    await bot.says(anna.room, "Do nikogo")
    assert first != await bot.client.vault.run(lambda machine: machine.outbound_group_sessions[anna.room].id)


def has_left(item: Item, user_id: str) -> bool:
    """Return whether somebody has left."""
    return isinstance(item, Event) and item.state_key == user_id and item.content.get("membership") == "leave"


async def test_that_encryption_was_switched_on_is_noticed_and_kept(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    async with (
        running(known, tmp_path / "matrix") as bot,
        member(homeserver, "anna", Mode.PLAIN) as anna,
    ):
        await anna.opens(bot.user_id, "Jawnie")
        await bot.hears("Jawnie")
        assert not await bot.client.vault.run(lambda machine: machine.file.is_encrypted(anna.room))
        await anna.sets_state("m.room.encryption", ALGORITHM)
        await anna.sends("Tajnie")
        await bot.hears("Tajnie")
        assert await bot.client.vault.run(lambda machine: machine.file.is_encrypted(anna.room))


@pytest.mark.parametrize("mode", [Mode.ENCRYPTED, Mode.PLAIN])
async def test_files_go_both_ways(homeserver: Homeserver, known: Account, tmp_path: Path, mode: Mode) -> None:
    async with running(known, tmp_path / "matrix") as bot, member(homeserver, "anna", mode) as anna:
        client = bot.client
        await anna.opens(bot.user_id)
        await anna.sends_file("mapa.png", PICTURE, "image/png")
        await bot.hears("mapa.png")
        events = [item for item in bot.items if isinstance(item, Event) and item.kind == MESSAGE]
        content = events[-1].content
        assert ("file" in content) is (mode is not Mode.PLAIN)
        assert await client.download(content, len(PICTURE)) == PICTURE
        with pytest.raises(BadFile, match="more than"):
            await client.download(content, len(PICTURE) - 1)
        stored = await client.upload(anna.room, PICTURE, "image/png")
        sent = await client.send(
            anna.room, MESSAGE, {"msgtype": "m.image", "body": "plan.png", **stored}, "1"
        )
        picture = await anna.sees(lambda event: event.event_id == sent)
        assert await anna.downloads(picture) == PICTURE


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://example.org/a"},
        {"url": "mxc://"},
        {"url": 7},
        {"key": {"k": "AAAA"}},
        {"key": {"k": "ą"}},
        {"key": 7},
        {"iv": "AAAA"},
        {"hashes": {"sha256": "AAAA"}},
        {"hashes": None},
    ],
)
async def test_a_file_that_makes_no_sense_is_a_bad_file(chat: Chat, change: dict[str, object]) -> None:
    stored = await chat.bot.client.upload(chat.anna.room, PICTURE, "image/png")
    with pytest.raises(BadFile):
        await chat.bot.client.download({"file": {**stored["file"], **change}}, len(PICTURE))


async def test_the_bot_types_and_reads(chat: Chat) -> None:
    sent = await chat.anna.sends("Co słychać?")
    await chat.bot.client.typing(chat.anna.room, 5.0)
    await chat.bot.client.read(chat.anna.room, sent)
    await chat.anna.sees(lambda event: event.type == "m.typing" and event.content["typing"])
    await chat.anna.sees(lambda event: event.type == "m.receipt" and event.content["target"] == sent)
    await chat.bot.client.typing(chat.anna.room, 0)
    await chat.anna.sees(lambda event: event.type == "m.typing" and not event.content["typing"])


async def test_who_and_what_is_in_a_room(homeserver: Homeserver, chat: Chat) -> None:
    client, anna = chat.bot.client, chat.anna
    assert await client.members(anna.room) == {anna.user_id: "join", client.user_id: "join"}
    stranger = Stranger(homeserver)
    await anna.invites(stranger.user_id)
    assert (await client.members(anna.room))[stranger.user_id] == "invite"
    stranger.calls("POST", f"rooms/{anna.room}/leave", {})
    assert stranger.user_id not in await client.members(anna.room)
    assert await client.state(anna.room, "m.room.encryption") == ALGORITHM
    assert await client.state(anna.room, "m.room.topic") is None
    own = await client.state(anna.room, "m.room.member", client.user_id)
    assert own is not None
    assert own["membership"] == "join"


async def test_to_send_it_is_not_asked_again_who_is_in_a_room(chat: Chat) -> None:
    client, room = chat.bot.client, chat.anna.room
    await client.members(room)
    asked, call = list[str](), client.server.call

    async def watched(method: str, *path: str, **more: Any) -> Json:
        asked.append(path[-1])
        return await call(method, *path, **more)

    client.server.call = watched  # type: ignore[method-assign]
    await chat.bot.says(room, "Witam")
    await chat.anna.hears("Witam")
    assert "members" not in asked


async def test_leaving_forgetting_and_rejecting(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    stranger = Stranger(homeserver)
    async with opened(known, tmp_path / "matrix") as client:
        room, other = stranger.opens(client.user_id), stranger.opens(client.user_id)
        await client.reject(other)
        await client.join(room)
        await client.leave(room)
        await client.forget(room)
        for one in (room, other):
            with pytest.raises(Refused, match="M_FORBIDDEN") as refused:
                await client.send(one, MESSAGE, {"msgtype": "m.text", "body": "Halo?"}, "1")
            assert isinstance(classify(refused.value), Gone)
    async with running(known, tmp_path / "matrix") as bot:
        assert not [item for item in bot.items if isinstance(item, Invitation)]


async def test_what_the_account_keeps(known: Account, tmp_path: Path) -> None:
    async with opened(known, tmp_path / "matrix") as client:
        assert await client.account_data("m.direct") == {}
        await client.set_account_data("m.direct", {"@anna:example.org": ["!room"]})
        assert await client.account_data("m.direct") == {"@anna:example.org": ["!room"]}


async def test_a_message_that_is_too_large_is_never_sent(chat: Chat) -> None:
    with pytest.raises(Refused) as refused:
        await chat.bot.says(chat.anna.room, "x" * 100_000, "large")
    assert isinstance(classify(refused.value), Never)
    await chat.bot.says(chat.anna.room, "Mniejsza")
    await chat.anna.hears("Mniejsza")


async def test_a_message_while_the_homeserver_is_down_is_sent_again(known: Account, tmp_path: Path) -> None:
    client = Client(known, tmp_path / "matrix", Twin().generation())
    client.server._base = "http://127.0.0.1:9"
    with pytest.raises(Unreachable) as down:
        await client.server.call("GET", "sync")
    assert isinstance(classify(down.value), Again)
    await client.close()


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (Busy({}, 3.0), Again),
        (LoggedOut({}), Again),
        (Unreachable("502"), Again),
        (SetupError("Set it."), Again),
        (Refused(403, {"errcode": "M_FORBIDDEN"}), Gone),
        (Refused(404, {"errcode": "M_NOT_FOUND"}), Gone),
        (Refused(413, {"errcode": "M_TOO_LARGE"}), Never),
        (Refused(400, {"errcode": "M_BAD_JSON"}), Never),
        (Refused(400, {}), Never),
        (BadFile("none"), Never),
    ],
    ids=str,
)
def test_every_error_means_something_for_a_message(error: MatrixError, meaning: type[SendError]) -> None:
    verdict = classify(error)
    assert type(verdict) is meaning
    if isinstance(error, Busy) and isinstance(verdict, Again):
        assert (verdict.after, verdict.everyone) == (3.0, True)


def test_no_kind_of_error_was_forgotten() -> None:
    def kinds(one: type[MatrixError]) -> set[type[MatrixError]]:
        return {one}.union(*map(kinds, one.__subclasses__()))

    assert kinds(MatrixError) == {
        *(MatrixError, Unreachable, Refused, Busy, LoggedOut, SetupError, BadFile, BigFile),
    }
    assert str(Refused(400, {"errcode": "a text\nof somebody"})) == "400 no code"
