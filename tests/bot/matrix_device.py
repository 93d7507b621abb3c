"""Other people's devices: a stranger's on the homeserver, and such as meet the bot's without one."""

import json
import time
from pathlib import Path

import vodozemac

from bot.channels.matrix import upload
from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.machine import MEGOLM, Machine
from bot.channels.matrix.session import Login
from tests.homeserver.event import Json
from tests.homeserver.stranger import Stranger


class KeyedDevice:
    """The device of a stranger, whose keys the homeserver gets now."""

    def __init__(self, stranger: Stranger) -> None:
        self._stranger = stranger
        self._keys = vodozemac.Account()
        device_id = stranger.account.device_id
        device = {
            "user_id": stranger.user_id,
            "device_id": device_id,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {
                f"curve25519:{device_id}": self._keys.curve25519_key.to_base64(),
                f"ed25519:{device_id}": self._keys.ed25519_key.to_base64(),
            },
        }
        stranger.calls("POST", "keys/upload", {"device_keys": self._signed(device)})

    def publishes_one_time_key(self, key: str = "") -> None:
        """Publish a one-time key, this one or one that can be used."""
        self._keys.generate_one_time_keys(1)
        [usable] = self._keys.one_time_keys.values()
        signed = self._signed({"key": key or usable.to_base64()})
        self._stranger.calls("POST", "keys/upload", {"one_time_keys": {"signed_curve25519:A": signed}})

    def _signed(self, content: Json) -> Json:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        name = f"ed25519:{self._stranger.account.device_id}"
        signature = self._keys.sign(text.encode()).to_base64()
        return {**content, "signatures": {self._stranger.user_id: {name: signature}}}


def acquainted(machine: Machine, folder: Path, number: int) -> Machine:
    """Return the device of a new person; it and the bot's know each other and have a session."""
    login = Login(f"@member{number}:example.org", f"DEVICE{number}", "")
    member = Machine(login, DeviceFile(folder / f"{number}.db"), "secret")
    for one, other in ((machine, member), (member, machine)):
        now = time.time()
        body = upload.make(other, 49, now)
        upload.published(other, body, now)
        keys = upload.signed(other, upload.device_keys(other))
        one.take_devices([other.user_id], {"device_keys": {other.user_id: {other.device_id: keys}}})
        claimed = {other.user_id: {other.device_id: body["one_time_keys"]}}
        one.take_claimed({"one_time_keys": claimed})
    return member


def room_key(member: Machine, user_id: str, room_id: str, outbound: vodozemac.GroupSession) -> Json:
    """Return the to-device event by which somebody gives the key of a room to the one device of another."""
    content = {
        "algorithm": MEGOLM,
        "room_id": room_id,
        "session_id": outbound.session_id,
        "session_key": outbound.session_key.to_base64(),
    }
    [device] = member.device_store[user_id].values()
    encrypted = member.encrypt_for(device, "m.room_key", content)
    return {"type": "m.room.encrypted", "sender": member.user_id, "content": encrypted}
