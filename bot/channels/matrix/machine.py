"""The bot's end of the encryption: nio's Olm machine, made to outlive whatever other people send.

Differences from nio's own: a room's key counts only for what its sender writes, found by its session id (no
event needs to name a sender key or device: Matrix 1.3); what makes no sense is dropped one by one, never the
whole answer; keys are neither asked for nor handed out on request; a broken session is replaced once an hour.
"""

import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

from nio.crypto.device import OlmDevice
from nio.crypto.olm_machine import Olm
from nio.crypto.sessions import InboundGroupSession, Session
from nio.events.to_device import OlmEvent
from nio.responses import KeysQueryResponse
from nio.store.database import MatrixStore
from vodozemac import Curve25519PublicKey, MegolmDecryptionException

from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.errors import Json
from bot.channels.matrix.keys import SESSIONS_PER_DEVICE, KeyStore
from bot.channels.matrix.session import Login
from bot.log import describe

# nio's own lines quote what people send.
logging.getLogger("nio").setLevel(logging.CRITICAL + 1)

MEGOLM = "m.megolm.v1.aes-sha2"

REPAIR_SECONDS = 3_600.0
"""How long after a broken session with a device was replaced it may be replaced again."""

DEVICES_PER_USER = 200
"""How many devices of one person get the keys of what the bot writes."""

BREATH_SECONDS = 0.000_1

_REPAIRS_REMEMBERED = 10_000

log = logging.getLogger(__name__)


def breathe() -> None:
    """Let the event loop run between two pieces of work with keys.

    Python hands over to it by itself only every 5 ms: what SQLite lets go of is taken back too quickly.
    """
    time.sleep(BREATH_SECONDS)


class NoKey(Exception):
    """The key for an event has not come, or not one that reads that far back."""


class Garbled(Exception):
    """An encrypted event will never be readable."""


class Machine(Olm):
    """The keys of the device `login` in `file`, under the secret `store_key`; used in one thread.

    Raises ValueError when the keys in the file are under another secret.
    """

    def __init__(self, login: Login, file: DeviceFile, store_key: str) -> None:
        self.file = file
        self.keys = KeyStore(file, store_key)
        self._repaired: OrderedDict[str, float] = OrderedDict()
        super().__init__(login.user_id, login.device_id, cast("MatrixStore", self.keys))

    # To-device events

    def receive(self, raw: object) -> None:
        """Take one to-device event, once; whatever it is, this does not raise."""
        try:
            event = _olm_event(raw)
            if event is not None and self.file.take(_digest(event)):
                self._open(event)
        except BaseException as error:  # noqa: BLE001 - strangers send these, and vodozemac may panic, which is no Exception
            log.warning("a to-device event was dropped: %s", describe(error))

    def _open(self, event: OlmEvent) -> None:
        try:
            self.decrypt_event(event)
        except ValueError:  # any error of vodozemac's
            self._mark_device_for_unwedging(event.sender, event.sender_key)
            raise

    def _handle_room_key_event(self, sender: str, sender_key: str, payload: Json) -> None:
        content = payload["content"]
        if content["algorithm"] != MEGOLM:
            return
        ed25519 = payload["keys"]["ed25519"]
        session = InboundGroupSession(content["session_key"], ed25519, sender_key, str(content["room_id"]))
        if session.id == content["session_id"]:
            self.keys.add_room_key(sender, session)

    def _handle_forwarded_room_key_event(self, *_: object) -> None:
        """Drop a key that somebody passes on: the bot asked nobody."""

    def create_group_session(self, *_: object) -> None:
        """Keep no key for the bot's own messages: it does not read them."""

    def save_session(self, curve_key: str, session: Session) -> None:
        """Keep a session with another device, and drop the one least used when there are too many."""
        self.keys.save_session(curve_key, session)
        sessions = self.session_store[curve_key]
        while len(sessions) > SESSIONS_PER_DEVICE:
            self.keys.drop_session(sessions.pop())

    # What is written in rooms

    def read(self, room_id: str, raw: Json) -> tuple[str, Json]:
        """Return the type and content of an encrypted event; raises `NoKey` or `Garbled`."""
        content, sender = raw["content"], raw["sender"]
        session_id, ciphertext = content.get("session_id"), content.get("ciphertext")
        if (
            content.get("algorithm") != MEGOLM
            or not isinstance(session_id, str)
            or not isinstance(ciphertext, str)
        ):
            raise Garbled("not encrypted in a way that the bot knows")
        session = self.keys.room_key(room_id, session_id, sender)
        if session is None:
            raise NoKey
        try:
            plaintext, index = session.decrypt(ciphertext)
        except MegolmDecryptionException:
            raise NoKey from None
        except ValueError as error:
            raise Garbled("the encrypted text is none") from error
        if (
            self.message_index_store.setdefault((session_id, sender, index), raw["event_id"])
            != raw["event_id"]
        ):
            raise Garbled("a copy of another event")
        return _payload(plaintext, room_id)

    # Other people's devices

    def take_devices(self, asked: Iterable[str], answer: Json) -> None:
        """Take the answer of keys/query about some people."""
        found = answer.get("device_keys")
        for user_id in asked:
            devices = found.get(user_id) if isinstance(found, dict) else None
            if isinstance(devices, dict):
                sound = islice(self._sound(user_id, devices), DEVICES_PER_USER)
                self._handle_key_query(KeysQueryResponse({user_id: dict(sound)}, {}))

    def _sound(self, user_id: str, devices: Json) -> Iterable[tuple[str, Json]]:
        # Only devices with keys that can be used, signed with their own: nio stops at the first other one.
        for device_id, payload in devices.items():
            try:
                key = payload["keys"][f"ed25519:{device_id}"]
                Curve25519PublicKey.from_base64(payload["keys"][f"curve25519:{device_id}"])
                if Olm.verify_json(self, dict(payload), key, user_id, device_id):
                    yield device_id, {**payload, "unsigned": {}}
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                log.info("a device of somebody's was ignored: %s", describe(error))

    def take_claimed(self, answer: Json) -> None:
        """Take the answer of keys/claim: a session begins with each device that had a key left."""
        found = answer.get("one_time_keys")
        for user_id, devices in found.items() if isinstance(found, dict) else ():
            for device_id, keys in devices.items() if isinstance(devices, dict) else ():
                try:
                    answered = SimpleNamespace(one_time_keys={user_id: {device_id: keys}})
                    Olm._handle_key_claiming(self, answered)  # noqa: SLF001 - its own
                except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
                    log.info("a one-time key of somebody's was ignored: %s", describe(error))

    def encrypt_for(self, device: OlmDevice, kind: str, content: Json) -> Json:
        """Return the content of an encrypted to-device event; there must be a session with the device."""
        session = self.session_store.get(device.curve25519)
        return cast("Json", Olm._olm_encrypt(self, session, device, kind, content))  # noqa: SLF001 - its own

    def lost_track(self, users: Iterable[object]) -> None:
        """Note that people's devices may have changed: they are asked for before the next message to them."""
        self.tracked_users.difference_update(user for user in users if isinstance(user, str))

    def untracked(self, users: Iterable[str]) -> list[str]:
        """Return those people whose devices must be asked for."""
        return [user for user in users if user not in self.tracked_users]

    def _mark_device_for_unwedging(self, sender: str, sender_key: str) -> None:
        device = self.device_store.device_from_sender_key(sender, sender_key)
        now = time.monotonic()
        due = now - self._repaired.get(sender_key, -REPAIR_SECONDS) >= REPAIR_SECONDS
        if device is None:
            if due and len(self.users_for_key_query) < _REPAIRS_REMEMBERED:
                self.users_for_key_query.add(sender)
        elif due and device not in self.wedged_devices:
            self._repaired[sender_key] = now
            self.wedged_devices.append(device)
            if len(self._repaired) > _REPAIRS_REMEMBERED:
                self._repaired.popitem(last=False)


def _olm_event(raw: object) -> OlmEvent | None:
    # An encrypted to-device event; nothing else that is sent to a device matters to a bot.
    if not isinstance(raw, dict) or raw.get("type") != "m.room.encrypted":
        return None
    content, sender = raw["content"], raw["sender"]
    sender_key, ciphertext = content["sender_key"], content["ciphertext"]
    if not (isinstance(sender, str) and isinstance(sender_key, str) and isinstance(ciphertext, dict)):
        return None
    return OlmEvent(raw, sender, sender_key, ciphertext)


def _digest(event: OlmEvent) -> bytes:
    parts = [event.sender, event.sender_key, event.ciphertext]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _payload(plaintext: str, room_id: str) -> tuple[str, Json]:
    try:
        payload: Any = json.loads(plaintext)
    except (ValueError, RecursionError):
        raise Garbled("no JSON") from None
    if not isinstance(payload, dict) or payload.get("room_id") != room_id:
        raise Garbled("written for another room")
    kind, content = payload.get("type"), payload.get("content")
    if not isinstance(kind, str) or not isinstance(content, dict) or kind == "m.room.encrypted":
        raise Garbled("neither a type nor content")
    return kind, content
