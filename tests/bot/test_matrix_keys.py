"""Keys: published so that everybody can begin to write, at any time; used, kept and deleted."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import vodozemac
from nio.crypto.sessions import InboundGroupSession

from bot.channels.matrix import keys, upload, waiting
from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.errors import Json
from bot.channels.matrix.keys import DAY
from bot.channels.matrix.machine import Garbled, Machine, NoKey
from bot.channels.matrix.session import Account, Login
from tests.bot.matrix_bot import Twin, opened, running
from tests.bot.matrix_device import acquainted, room_key
from tests.bot.matrix_proxy import proxied
from tests.homeserver.member import Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

ROOM = "!room"
ANNA, MALLORY = "@anna:example.org", "@mallory:example.org"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Give the keys of a device that nobody knows."""
    file = DeviceFile(tmp_path / "device.db")
    yield Machine(Login("@bot:example.org", "DEVICE", "token"), file, "secret")
    file.close()


def told(machine: Machine, outbound: vodozemac.GroupSession, owner: str) -> None:
    """Let somebody give the bot the key of a room."""
    session = InboundGroupSession(outbound.session_key.to_base64(), "", "", ROOM)
    machine.keys.add_room_key(owner, session)


def written(
    outbound: vodozemac.GroupSession, sender: str, text: str, event_id: str = "$1", room: str = ROOM
) -> Json:
    """Return an event encrypted with the key of a room, with what Matrix 1.3 requires and no more."""
    body = f'{{"type": "m.room.message", "room_id": "{room}", "content": {{"body": "{text}"}}}}'
    content = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "session_id": outbound.session_id,
        "ciphertext": outbound.encrypt(body.encode()).to_base64(),
    }
    return {
        "type": "m.room.encrypted",
        "event_id": event_id,
        "sender": sender,
        "origin_server_ts": int(time.time() * 1000),
        "content": content,
    }


async def test_whoever_takes_all_keys_of_a_bot_that_is_off_leaves_one_for_the_others(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    twin, stranger = Twin(), Stranger(homeserver)
    async with opened(known, tmp_path / "matrix", twin) as client:
        bot_id = client.user_id
    taken = stranger.claims_keys(bot_id, 60)
    assert [key.get("fallback", False) for key in taken] == [False] * 50 + [True] * 10
    async with member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        await anna.opens(bot_id, "Jest tam kto?", waits=False)
        async with running(known, tmp_path / "matrix", twin) as bot:
            await bot.hears("Jest tam kto?")
            await bot.says(anna.room, "Jestem")
            await anna.hears("Jestem")


async def test_keys_that_were_taken_are_replaced(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    stranger = Stranger(homeserver)
    async with running(known, tmp_path / "matrix") as bot:
        stranger.claims_keys(bot.user_id, 50)
        stranger.opens(bot.user_id)
        await bot.until(lambda: "fallback" not in stranger.claims_keys(bot.user_id, 1)[0])


async def test_keys_are_replaced_when_the_homeserver_does_not_say_that_none_are_left(
    homeserver: Homeserver, known: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.matrix.upkeep.MINUTE", 0.0)
    stranger = Stranger(homeserver)
    async with proxied(homeserver.url) as proxy:
        proxy.change = lambda answer: cast("None", answer.pop("device_one_time_keys_count", None))
        async with running(replace(known, homeserver=proxy.url), tmp_path / "matrix") as bot:
            stranger.claims_keys(bot.user_id, 50)
            stranger.opens(bot.user_id)
            await bot.until(lambda: "fallback" not in stranger.claims_keys(bot.user_id, 1)[0])


def test_a_fallback_key_is_replaced_after_a_week_and_not_before(machine: Machine) -> None:
    now = time.time()
    first = upload.make(machine, 0, now)
    assert len(first["one_time_keys"]) == 50
    upload.published(machine, first, now)
    assert not upload.is_due(machine, 50, now + 7 * DAY - 1)
    assert "fallback_keys" not in upload.make(machine, 20, now + 7 * DAY - 1)
    assert upload.is_due(machine, 50, now + 7 * DAY)
    second = upload.make(machine, 50, now + 7 * DAY)
    assert second["fallback_keys"].keys().isdisjoint(first["fallback_keys"])
    assert "device_keys" not in second


def test_an_upload_whose_answer_was_lost_is_made_again_with_the_same_keys(machine: Machine) -> None:
    now = time.time()
    assert upload.make(machine, 0, now) == upload.make(machine, 0, now)


def test_few_keys_left_are_replaced_and_many_are_not(machine: Machine) -> None:
    now = time.time()
    upload.published(machine, upload.make(machine, 0, now), now)
    assert upload.is_due(machine, 0, now)
    assert upload.is_due(machine, 24, now)
    assert not upload.is_due(machine, 25, now)
    assert len(upload.make(machine, 20, now)["one_time_keys"]) == 30


def test_a_key_that_comes_again_is_not_taken_for_one_that_cannot_be_read(
    machine: Machine, tmp_path: Path
) -> None:
    anna, outbound = acquainted(machine, tmp_path, 1), vodozemac.GroupSession()
    came = room_key(anna, machine.user_id, ROOM, outbound)
    machine.receive(came)
    event = written(outbound, anna.user_id, "Hej")
    assert machine.read(ROOM, event)[1] == {"body": "Hej"}
    machine.receive(came)
    assert machine.wedged_devices == []
    machine.file.set_sync_token("later")
    machine.receive(came)
    assert [device.user_id for device in machine.wedged_devices] == [anna.user_id]
    anna.file.close()


def test_a_broken_session_is_not_replaced_again_and_again(machine: Machine, tmp_path: Path) -> None:
    anna = acquainted(machine, tmp_path, 1)
    for number in range(20):
        came = room_key(anna, machine.user_id, ROOM, vodozemac.GroupSession())
        [body] = came["content"]["ciphertext"].values()
        body["body"] = body["body"][:-8] + "AAAAAAAA"
        machine.receive(came)
        assert len(machine.wedged_devices) == (1 if number == 0 else 0)
        machine.wedged_devices.clear()
    anna.file.close()


def test_somebody_has_no_more_than_a_few_sessions_with_the_bot(machine: Machine, tmp_path: Path) -> None:
    anna = acquainted(machine, tmp_path, 1)
    for _ in range(20):
        key = upload.make(machine, 49, time.time())["one_time_keys"]
        machine.mark_keys_as_published()
        anna.take_claimed({"one_time_keys": {machine.user_id: {machine.device_id: key}}})
        [sessions] = anna.session_store.values()
        del sessions[1:]
        machine.receive(room_key(anna, machine.user_id, ROOM, vodozemac.GroupSession()))
    [kept] = machine.session_store.values()
    [(rows,)] = machine.file.connection.execute("SELECT count(*) FROM olm_sessions")
    assert len(kept) == rows == keys.SESSIONS_PER_DEVICE
    anna.file.close()


def test_an_event_is_read_by_its_session_alone_and_twice_if_need_be(machine: Machine) -> None:
    outbound = vodozemac.GroupSession()
    event = written(outbound, ANNA, "Hej")
    with pytest.raises(NoKey):
        machine.read(ROOM, event)
    outbound = vodozemac.GroupSession()
    told(machine, outbound, ANNA)
    event = written(outbound, ANNA, "Hej")
    for _ in range(2):
        assert machine.read(ROOM, event) == ("m.room.message", {"body": "Hej"})


def test_a_key_reads_only_what_its_owner_wrote_in_its_room(machine: Machine) -> None:
    outbound = vodozemac.GroupSession()
    told(machine, outbound, ANNA)
    event = written(outbound, ANNA, "Hej")
    with pytest.raises(NoKey):
        machine.read(ROOM, {**event, "sender": MALLORY})
    with pytest.raises(NoKey):
        machine.read("!other", event)
    with pytest.raises(Garbled, match="for another room"):
        machine.read(ROOM, written(outbound, ANNA, "Hej", room="!other"))
    assert machine.read(ROOM, event)[1] == {"body": "Hej"}


def test_nobody_can_repeat_what_another_wrote(machine: Machine) -> None:
    outbound = vodozemac.GroupSession()
    told(machine, outbound, ANNA)
    event = written(outbound, ANNA, "Tak")
    machine.read(ROOM, event)
    with pytest.raises(Garbled, match="a copy"):
        machine.read(ROOM, {**event, "event_id": "$2"})


def test_a_key_is_not_displaced_by_one_that_reads_less_or_is_somebody_elses(machine: Machine) -> None:
    outbound = vodozemac.GroupSession()
    whole = InboundGroupSession(outbound.session_key.to_base64(), "", "", ROOM)
    first = written(outbound, ANNA, "Pierwsza")
    told(machine, outbound, MALLORY)
    told(machine, outbound, ANNA)
    with pytest.raises(NoKey):
        machine.read(ROOM, first)
    machine.keys.add_room_key(ANNA, whole)
    told(machine, outbound, ANNA)
    assert machine.read(ROOM, first)[1] == {"body": "Pierwsza"}


def test_keys_that_nothing_was_read_with_for_long_are_deleted(machine: Machine) -> None:
    now, outbound = time.time(), vodozemac.GroupSession()
    told(machine, outbound, ANNA)
    machine.keys.delete_unused_room_keys(now + 59 * DAY)
    assert machine.keys.room_key(ROOM, outbound.session_id, ANNA) is not None
    machine.keys.delete_unused_room_keys(now + 61 * DAY)
    assert machine.keys.room_key(ROOM, outbound.session_id, ANNA) is None


def test_a_key_in_use_is_not_deleted(machine: Machine) -> None:
    outbound = vodozemac.GroupSession()
    told(machine, outbound, ANNA)
    machine.file.connection.execute("UPDATE room_keys SET used_at = used_at - ?", (50 * DAY,))
    machine.read(ROOM, written(outbound, ANNA, "Hej"))
    machine.keys.delete_unused_room_keys(time.time() + 20 * DAY)
    assert machine.keys.room_key(ROOM, outbound.session_id, ANNA) is not None


def test_one_person_cannot_fill_the_file_with_keys(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "ROOM_KEYS_PER_OWNER", 3)
    kept = vodozemac.GroupSession()
    told(machine, kept, ANNA)
    sessions = [vodozemac.GroupSession() for _ in range(6)]
    for session in sessions:
        told(machine, session, MALLORY)
    there = [machine.keys.room_key(ROOM, session.session_id, MALLORY) is not None for session in sessions]
    assert there == [False] * 3 + [True] * 3
    assert machine.keys.room_key(ROOM, kept.session_id, ANNA) is not None


def test_not_too_many_events_wait_and_one_person_cannot_displace_another(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAITING", 30)
    outbound = vodozemac.GroupSession()
    waiting.keep(machine.file, ROOM, written(outbound, ANNA, "Hej", "$anna"))
    for number in range(50):
        waiting.keep(machine.file, ROOM, written(outbound, MALLORY, "Hej", f"${number}"))
    kept = [one.event["event_id"] for one in waiting.unreadable(machine.file, 0)]
    assert kept == ["$anna", "$47", "$48", "$49"]
