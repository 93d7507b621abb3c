"""A stranger's device with sound keys, and with one-time keys that may make no sense."""

import json

import vodozemac

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
