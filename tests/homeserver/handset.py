"""Somebody with a device whose keys are in this process: cheap enough for hundreds, and reads what came once.

anna = Handset(server, "anna")
room = anna.opens_chat(bot.user_id)
anna.writes(room, "co to jest klaster")
anna.hears(room)
"""

import json
import time
from base64 import b64decode, b64encode
from urllib.parse import quote, urlencode

import vodozemac

from tests.homeserver.event import Json
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"
ENCRYPTED = "m.room.encrypted"

ONE_TIME_KEYS = 10
"""More than one of these is ever asked for: by each bot, and by one that was killed once more."""

UNREADABLE = "(its key did not come)"

PATIENCE = 30.0
"""Seconds in which something that is waited for is to come."""

PAGE = "500"


class Handset(Stranger):
    """Reads and writes in encrypted chats of two, one request after another."""

    def __init__(self, server: Homeserver, name: str = "anna") -> None:
        """Register, and publish the keys of a device."""
        super().__init__(server, name)
        self._keys = vodozemac.Account()
        self._key = self._keys.curve25519_key.to_base64()
        self._others = dict[str, str]()
        self._sessions = list[vodozemac.Session]()
        self._room_keys = dict[str, vodozemac.InboundGroupSession]()
        self._outbound = dict[str, vodozemac.GroupSession]()
        self._since = ""
        self._publish()

    def opens_chat(self, user_id: str) -> str:
        """Open an encrypted direct chat with somebody and return its id."""
        room_id = self.opens(user_id, encrypted=True)
        self._others[room_id] = user_id
        return room_id

    def writes(self, room_id: str, text: str) -> str:
        """Write a text and return its event's id; the key goes to the devices that the other has at first."""
        if room_id not in self._outbound:
            self._outbound[room_id] = vodozemac.GroupSession()
            self._share(room_id)
        outbound = self._outbound[room_id]
        content = {"msgtype": "m.text", "body": text}
        payload = {"type": "m.room.message", "content": content, "room_id": room_id}
        written = {
            "algorithm": MEGOLM,
            "sender_key": self._key,
            "device_id": self.account.device_id,
            "session_id": outbound.session_id,
            "ciphertext": outbound.encrypt(json.dumps(payload).encode()).to_base64(),
        }
        return self.sends(room_id, ENCRYPTED, written)

    def hears(self, room_id: str) -> list[str]:
        """Wait until the other has written, since this was last asked, and return the texts."""
        latest = time.monotonic() + PATIENCE
        while time.monotonic() < latest:
            joined = self._syncs(PATIENCE).get("join", {})
            if texts := self._texts(room_id, joined.get(room_id, {}).get("timeline", {}).get("events", [])):
                return texts
        raise TimeoutError("nothing was written")

    def awaits(self, room_id: str) -> None:
        """Wait until the other has joined a chat."""
        latest = time.monotonic() + PATIENCE
        while (
            self._others[room_id] not in self.calls("GET", f"rooms/{quote(room_id)}/joined_members")["joined"]
        ):
            if time.monotonic() > latest:
                raise TimeoutError("nobody joined")
            time.sleep(0.05)

    def reads(self, room_id: str) -> list[str]:
        """Return everything that the other has written in a chat, in order."""
        self._syncs(0)
        texts, query = list[str](), {"dir": "f", "limit": PAGE}
        while True:
            page = self.calls("GET", f"rooms/{quote(room_id)}/messages?{urlencode(query)}")
            texts += self._texts(room_id, page["chunk"])
            if "end" not in page:
                return texts
            query["from"] = page["end"]

    def _texts(self, room_id: str, events: list[Json]) -> list[str]:
        """Return what the other has written among some events."""
        return [
            self._text(event["content"])
            for event in events
            if event["type"] == ENCRYPTED and event["sender"] == self._others[room_id]
        ]

    def _text(self, content: Json) -> str:
        """Return an encrypted text."""
        key = self._room_keys.get(content["session_id"])
        if key is None:
            return UNREADABLE
        message = vodozemac.MegolmMessage.from_base64(content["ciphertext"])
        payload = json.loads(key.decrypt(message).plaintext)
        return str(payload["content"].get("body", ""))

    def _syncs(self, seconds: float) -> Json:
        """Take the keys that have come, and return what is new in rooms; wait so long for something."""
        query = {"timeout": str(int(seconds * 1000))} | ({"since": self._since} if self._since else {})
        answer = self.calls("GET", f"sync?{urlencode(query)}")
        self._since = answer["next_batch"]
        for event in answer.get("to_device", {}).get("events", []):
            self._take(event["content"])
        rooms: Json = answer.get("rooms", {})
        return rooms

    # Keys

    def _publish(self) -> None:
        """Publish the device's keys."""
        device_id = self.account.device_id
        device = {
            "user_id": self.user_id,
            "device_id": device_id,
            "algorithms": [OLM, MEGOLM],
            "keys": {f"curve25519:{device_id}": self._key, f"ed25519:{device_id}": self._ed25519},
        }
        self._keys.generate_one_time_keys(ONE_TIME_KEYS)
        one_time = {
            f"signed_curve25519:{name}": self._signed({"key": key.to_base64()})
            for name, key in self._keys.one_time_keys.items()
        }
        self.calls("POST", "keys/upload", {"device_keys": self._signed(device), "one_time_keys": one_time})
        self._keys.mark_keys_as_published()

    def _share(self, room_id: str) -> None:
        """Give the key of what is written in a chat to the other's devices."""
        user_id, outbound = self._others[room_id], self._outbound[room_id]
        known = self.calls("POST", "keys/query", {"device_keys": {user_id: []}})["device_keys"][user_id]
        wanted = {"one_time_keys": {user_id: dict.fromkeys(known, "signed_curve25519")}}
        claimed = self.calls("POST", "keys/claim", wanted)["one_time_keys"][user_id]
        content = {
            "algorithm": MEGOLM,
            "room_id": room_id,
            "session_id": outbound.session_id,
            "session_key": outbound.session_key.to_base64(),
        }
        for device_id, keys in claimed.items():
            [one_time] = keys.values()
            message = self._encrypted(known[device_id], one_time["key"], content)
            self.sends_to_devices(user_id, ENCRYPTED, message, device_id)

    def _encrypted(self, device: Json, one_time_key: str, content: Json) -> Json:
        """Return a room's key, encrypted for a device in a new session."""
        keys = {name.partition(":")[0]: key for name, key in device["keys"].items()}
        their, once = (
            vodozemac.Curve25519PublicKey.from_base64(key) for key in (keys["curve25519"], one_time_key)
        )
        session = self._keys.create_outbound_session(their, once)
        self._sessions.append(session)
        payload = {
            "type": "m.room_key",
            "content": content,
            "sender": self.user_id,
            "sender_device": self.account.device_id,
            "keys": {"ed25519": self._ed25519},
            "recipient": device["user_id"],
            "recipient_keys": {"ed25519": keys["ed25519"]},
        }
        kind, body = session.encrypt(json.dumps(payload).encode()).to_parts()
        ciphertext = {keys["curve25519"]: {"type": kind, "body": b64encode(body).decode().rstrip("=")}}
        return {"algorithm": OLM, "sender_key": self._key, "ciphertext": ciphertext}

    def _take(self, content: Json) -> None:
        """Take the key of a room, or whatever else was encrypted for this device."""
        encrypted = content["ciphertext"][self._key]
        body = b64decode(encrypted["body"] + "==")
        message = vodozemac.AnyOlmMessage.from_parts(encrypted["type"], body)
        payload = json.loads(self._decrypted(content["sender_key"], message))
        if payload["type"] == "m.room_key":
            key = vodozemac.SessionKey(payload["content"]["session_key"])
            self._room_keys[payload["content"]["session_id"]] = vodozemac.InboundGroupSession(key)

    def _decrypted(self, sender_key: str, message: vodozemac.AnyOlmMessage) -> bytes:
        """Return what a message says, which may begin a session."""
        first = message.to_pre_key()
        for session in self._sessions:
            if first is None or session.session_matches(first):
                try:
                    return session.decrypt(message)
                except vodozemac.OlmDecryptionException:
                    continue  # another session's
        assert first is not None
        key = vodozemac.Curve25519PublicKey.from_base64(sender_key)
        session, text = self._keys.create_inbound_session(key, first)
        self._sessions.append(session)
        return text

    @property
    def _ed25519(self) -> str:
        return self._keys.ed25519_key.to_base64()

    def _signed(self, content: Json) -> Json:
        """Return some JSON with the device's signature."""
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        signature = self._keys.sign(text.encode()).to_base64()
        return {**content, "signatures": {self.user_id: {f"ed25519:{self.account.device_id}": signature}}}
