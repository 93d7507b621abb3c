"""Somebody without a client, who sends whatever the server takes: for what no honest client does."""

from itertools import count
from typing import Any
from urllib.parse import quote

from tests.homeserver.event import Json
from tests.homeserver.synapse import Homeserver

CLIENT = "/_matrix/client/v3"
ENCRYPTION = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


class Stranger:
    """An account and raw requests; each raises Refused when the server does not take it."""

    def __init__(self, server: Homeserver, name: str = "mallory") -> None:
        """Register with a server."""
        self.account = server.register(name)
        self.user_id = self.account.user_id
        self._server = server
        self._numbers = count(1)

    def opens(self, user_id: str, *, encrypted: bool = False, **more: Any) -> str:
        """Make a direct chat with somebody and return its id; `more` is what else makes it."""
        state = [ENCRYPTION] if encrypted else []
        room = {
            "is_direct": True,
            "preset": "trusted_private_chat",
            "invite": [user_id],
            "initial_state": state,
        }
        return str(self.calls("POST", "createRoom", room | more)["room_id"])

    def sends(self, room_id: str, kind: str, content: Json) -> str:
        """Send an event just as it is, and return its id."""
        place = f"rooms/{quote(room_id)}/send/{kind}/{next(self._numbers)}"
        return str(self.calls("PUT", place, content)["event_id"])

    def says(self, room_id: str, text: str) -> str:
        """Send a text that is not encrypted, and return its event's id."""
        return self.sends(room_id, "m.room.message", {"msgtype": "m.text", "body": text})

    def sends_to_devices(self, user_id: str, kind: str, content: Json, device_id: str = "*") -> None:
        """Send something to one device of somebody or to all, beside any room."""
        messages = {"messages": {user_id: {device_id: content}}}
        self.calls("PUT", f"sendToDevice/{kind}/{next(self._numbers)}", messages)

    def uploads_device_keys(self, keys: Json) -> None:
        """Say which keys the device has; {"curve25519": "garbage"} for instance."""
        device_id = self.account.device_id
        device_keys = {
            "user_id": self.user_id,
            "device_id": device_id,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {f"{kind}:{device_id}": key for kind, key in keys.items()},
            "signatures": {self.user_id: {f"ed25519:{device_id}": "c2lnbmF0dXJl"}},
        }
        self.calls("POST", "keys/upload", {"device_keys": device_keys})

    def claims_keys(self, user_id: str, times: int) -> list[Json]:
        """Take so many one-time keys of each device of somebody, and return those which there were.

        Where none is left the server gives the fallback key, which has `"fallback": True`, or nothing.
        """
        known = self.calls("POST", "keys/query", {"device_keys": {user_id: []}})["device_keys"][user_id]
        wanted = {"one_time_keys": {user_id: dict.fromkeys(known, "signed_curve25519")}}
        taken = [self.calls("POST", "keys/claim", wanted)["one_time_keys"] for _ in range(times)]
        return [key for answer in taken for keys in answer.get(user_id, {}).values() for key in keys.values()]

    def calls(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the answer to any request below /_matrix/client/v3/."""
        return self._server.call(method, f"{CLIENT}/{path}", body, self.account.access_token)
