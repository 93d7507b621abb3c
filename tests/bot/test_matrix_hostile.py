"""Nothing that other people send ends the bot or keeps it from hearing others."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.machine import Machine
from bot.channels.matrix.session import Account, Login
from tests.bot.matrix_bot import Bot, running
from tests.bot.matrix_device import KeyedDevice
from tests.homeserver.event import Json
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver, Refused

ODD: list[Any] = [None, True, 0, -1, 2**60, 1.5, "", "\0", "x" * 5000, [], [None], {}, {"": {}}, [[[[]]]]]
"""JSON that is seldom meant."""

OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"

TO_DEVICE = [
    "m.room.encrypted",
    "m.room_key",
    "m.forwarded_room_key",
    "m.room_key_request",
    "m.key.verification.start",
    "m.key.verification.request",
    "m.key.verification.mac",
    "m.secret.send",
    "m.dummy",
    "x" * 200,
]


async def talk(bot: Bot, anna: Member, text: str) -> None:
    """Let both say something to the other, with a new key for what is said to the bot."""
    await anna.discards_key()
    await anna.sends(text)
    await bot.hears(text)
    await bot.says(anna.room, f"{text}?")
    await anna.hears(f"{text}?")


def bodies(own_key: str) -> list[Json]:
    """Return contents of to-device events that make less and less no sense."""
    garbled = [{"type": kind, "body": body} for kind in (0, 1, 2, None, "0") for body in ("", "AAAA", "ą", 7)]
    whole = [{own_key: one} for one in garbled] + [{own_key: odd} for odd in ODD]
    key = "hPk8mGCxvYyWS4wUxsMqZVQ1qnOMJEyDZsKjcoYOAEk"
    return [
        *({"algorithm": OLM, "sender_key": odd, "ciphertext": {}} for odd in ODD),
        *({"algorithm": OLM, "sender_key": key, "ciphertext": odd} for odd in ODD),
        *({"algorithm": OLM, "sender_key": key, "ciphertext": one} for one in whole),
        *({"algorithm": odd, "sender_key": key, "ciphertext": {}} for odd in ODD),
        *({"action": odd, "transaction_id": odd, "body": odd} for odd in ODD),
        {},
    ]


async def test_to_device_events_that_make_no_sense(
    homeserver: Homeserver, known: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Stranger(homeserver)
    caplog.set_level(logging.DEBUG)
    async with (
        running(known, tmp_path / "matrix") as bot,
        member(homeserver, "anna", Mode.SIGNED_ONLY) as anna,
    ):
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Przed")
        own_key = await bot.client.vault.run(lambda machine: machine.account.identity_keys["curve25519"])
        for kind in TO_DEVICE:
            for content in bodies(own_key)[:: 1 if kind == "m.room.encrypted" else 7]:
                stranger.sends_to_devices(bot.user_id, kind, content)
        await talk(bot, anna, "Po")
        assert "a to-device event was dropped" in caplog.text
        assert "reading from the homeserver failed" not in caplog.text
        assert "x" * 100 not in caplog.text


async def test_device_keys_that_make_no_sense(homeserver: Homeserver, known: Account, tmp_path: Path) -> None:
    async with running(known, tmp_path / "matrix") as bot:
        for keys in ({"curve25519": "garbage", "ed25519": ""}, {"ed25519": "AAAA"}, {"curve25519": "ą"}, {}):
            stranger = Stranger(homeserver)
            stranger.uploads_device_keys(keys)
            room = stranger.opens(bot.user_id, encrypted=True)
            stranger.says(room, f"Hej {keys}")  # a client may still write in plain
            await bot.hears(f"Hej {keys}")
            await bot.says(room, "Hej")


@pytest.mark.parametrize("key", ["garbage", "A", "AAAA"])
async def test_one_time_keys_that_make_no_sense(
    homeserver: Homeserver, known: Account, tmp_path: Path, key: str
) -> None:
    stranger = Stranger(homeserver)
    KeyedDevice(stranger).publishes_one_time_key(key)
    async with running(known, tmp_path / "matrix") as bot, member(homeserver, "anna") as anna:
        await anna.opens(bot.user_id)
        room = stranger.opens(bot.user_id, encrypted=True)
        stranger.says(room, "Hej")
        await bot.hears("Hej")
        await bot.says(room, "Hej")
        assert stranger.claims_keys(stranger.user_id, 1) == []  # the bot has taken the key
        await talk(bot, anna, "Po")


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_answers_about_keys_that_make_no_sense(tmp_path: Path, odd: object) -> None:
    file, users = DeviceFile(tmp_path / "device.db"), ["@mallory:example.org"]
    machine = Machine(Login("@bot:example.org", "DEVICE", "token"), file, "secret")
    for answer in nested(odd, "device_keys", *users, "PHONE", "keys", "ed25519:PHONE"):
        machine.take_devices(users, answer)
    for answer in nested(odd, "one_time_keys", *users, "PHONE", "signed_curve25519:A", "key"):
        machine.take_claimed(answer)
    assert not list(machine.device_store)
    assert not list(machine.session_store)
    file.close()


def nested(odd: object, *path: str) -> Iterator[Json]:
    """Yield objects that hold something odd under one name of a path, and objects above it."""
    for depth in range(1, len(path) + 1):
        tree = odd
        for name in reversed(path[:depth]):
            tree = {name: tree}
        assert isinstance(tree, dict)
        yield tree


async def test_events_that_make_no_sense(
    homeserver: Homeserver, known: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger, taken = Stranger(homeserver), 0
    async with (
        running(known, tmp_path / "matrix") as bot,
        member(homeserver, "anna", Mode.SIGNED_ONLY) as anna,
    ):
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Przed")
        room = stranger.opens(bot.user_id, encrypted=True)
        encrypted = [
            {
                "algorithm": MEGOLM,
                "session_id": "s",
                "ciphertext": "AAAA",
                "sender_key": "k",
                "device_id": "d",
            }
        ]
        encrypted += [{**encrypted[0], name: odd} for name in encrypted[0] for odd in ODD]
        plain = [{"body": odd, "msgtype": odd, "m.relates_to": odd, "m.new_content": odd} for odd in ODD]
        states: list[tuple[str, Any]] = [("m.room.encryption", {"algorithm": odd}) for odd in ODD]
        states += [("m.room.name", {"name": odd}) for odd in ODD]
        for kind, contents in (("m.room.encrypted", encrypted), ("m.room.message", plain), ("a.b", plain)):
            for content in contents:
                taken += sends(stranger, "PUT", f"rooms/{room}/send/{kind}/{kind}{taken}", content)
        for kind, content in states:
            taken += sends(stranger, "PUT", f"rooms/{room}/state/{kind}", content)
        assert taken > 80
        stranger.says(room, "Ostatnia")
        await bot.hears("Ostatnia")
        await talk(bot, anna, "Po")
        assert "reading from the homeserver failed" not in caplog.text
        assert "x" * 100 not in caplog.text


def sends(stranger: Stranger, method: str, path: str, content: Json) -> int:
    """Let a stranger send something; return how many events that made."""
    try:
        stranger.calls(method, path, content)
    except Refused:
        return 0
    return 1
