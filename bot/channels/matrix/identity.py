"""Who the bot is on Matrix, whatever its device: the keys that sign its devices (cross-signing).

Without them members' clients warn of the bot, and newer ones neither read nor write to it (MSC4153).
"""

import base64
import json
import secrets
from pathlib import Path

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from bot.channels.matrix.api import Homeserver, lookup
from bot.channels.matrix.errors import Json, SetupError, Unreachable
from bot.channels.matrix.session import Account, call_confirmed, write_private

USAGES = ("master", "self_signing", "user_signing")

_SEED_BYTES = 32


class SigningKey:
    """An Ed25519 key, made of its 32 bytes of seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = ECC.construct(curve="Ed25519", seed=seed)
        self.public = _text(self._key.public_key().export_key(format="raw"))
        self.id = f"ed25519:{self.public}"

    def sign(self, user_id: str, content: Json) -> Json:
        """Return signed JSON: the content with this key's signature as its only one."""
        bare = {name: value for name, value in content.items() if name not in {"signatures", "unsigned"}}
        signature = eddsa.new(self._key, "rfc8032").sign(_canonical(bare))
        return {**bare, "signatures": {user_id: {self.id: _text(signature)}}}

    def has_signed(self, user_id: str, content: Json) -> bool:
        """Return whether signed JSON carries a signature of this key that is right."""
        signature = (lookup(content, "signatures", user_id) or {}).get(self.id)
        bare = {name: value for name, value in content.items() if name not in {"signatures", "unsigned"}}
        try:
            eddsa.new(self._key, "rfc8032").verify(_canonical(bare), _bytes(str(signature)))
        except ValueError:
            return False
        return True


class Identity:
    """The identity in the file at `path`, made when there is none; SetupError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        seeds = (
            _read(path) if path.exists() else {usage: secrets.token_bytes(_SEED_BYTES) for usage in USAGES}
        )
        self._keys = {usage: SigningKey(seed) for usage, seed in seeds.items()}
        self._seeds = seeds

    async def ensure(self, server: Homeserver, account: Account, device: Json, own: Json) -> None:
        """See that the account has this identity and that it has signed the device of the keys `device`.

        `own` is what keys/query says of the bot. Raises SetupError when the account has another identity.
        """
        user_id = device["user_id"]
        if self._is_foreign(user_id, own) and not account.reset_identity:
            raise SetupError(foreign(user_id, self.path))
        if not self._is_published(user_id, own):
            await self._publish(server, account, user_id)
        if device["device_id"] not in self._signed(user_id, own):
            await self._sign(server, device)

    def fault(self, user_id: str, device_id: str, own: Json) -> str | None:
        """Return what is wrong with the account's identity and what to do, None when all is well.

        `own` is what keys/query says of the bot; `device_id` is "" while there is no device to be signed.
        """
        if self._is_foreign(user_id, own):
            return foreign(user_id, self.path)
        if not self._is_published(user_id, own):
            return f"{user_id} does not have the keys in {self.path}: start the bot, it publishes them."
        if device_id and device_id not in self._signed(user_id, own):
            return f"Device {device_id} is not signed by the keys in {self.path}: start the bot, it signs it."
        return None

    def devices(self, device: Json, own: Json) -> list[str]:
        """Return the other devices of the account that this identity has signed: the bot's former ones."""
        return [name for name in self._signed(device["user_id"], own) if name != device["device_id"]]

    def _signed(self, user_id: str, own: Json) -> list[str]:
        devices, key = lookup(own, "device_keys", user_id) or {}, self._keys["self_signing"]
        return [name for name in devices if key.has_signed(user_id, lookup(devices, name) or {})]

    def _is_foreign(self, user_id: str, own: Json) -> bool:
        published = lookup(own, "master_keys", user_id, "keys")
        return published is not None and self._keys["master"].id not in published

    def _is_published(self, user_id: str, own: Json) -> bool:
        # Whether the account has the master key, and a self-signing key that the master key has signed.
        master, second = self._keys["master"], self._keys["self_signing"]
        content = lookup(own, "self_signing_keys", user_id) or {}
        return (
            master.id in (lookup(own, "master_keys", user_id, "keys") or {})
            and second.id in (lookup(content, "keys") or {})
            and master.has_signed(user_id, content)
        )

    async def _publish(self, server: Homeserver, account: Account, user_id: str) -> None:
        seeds = {usage: _text(seed) for usage, seed in self._seeds.items()}
        write_private(self.path, json.dumps(seeds).encode())  # before anybody sees what belongs to it
        body = {f"{usage}_key": self._public(user_id, usage) for usage in USAGES}
        await call_confirmed(server, account, "keys", "device_signing", "upload", body=body)

    def _public(self, user_id: str, usage: str) -> Json:
        key, master = self._keys[usage], self._keys["master"]
        content: Json = {"user_id": user_id, "usage": [usage], "keys": {key.id: key.public}}
        return content if key is master else master.sign(user_id, content)

    async def _sign(self, server: Homeserver, device: Json) -> None:
        user_id = device["user_id"]
        body = {user_id: {device["device_id"]: self._keys["self_signing"].sign(user_id, device)}}
        answer = await server.call("POST", "keys", "signatures", "upload", body=body)
        if answer.get("failures"):
            raise Unreachable("the signature of the bot's device was not taken")


def foreign(user_id: str, path: Path) -> str:
    """Return that an account has another identity than the one at `path`, and what to do."""
    return (
        f"{user_id} has a cross-signing identity that was made elsewhere: its keys are not in {path}."
        " Put that file back, or set MATRIX_RESET_IDENTITY=true and the password for one start:"
        " everybody who writes with the bot is then told that its identity has changed."
    )


def _read(path: Path) -> dict[str, bytes]:
    try:
        seeds = {usage: _bytes(json.loads(path.read_text())[usage]) for usage in USAGES}
    except (OSError, ValueError, KeyError, TypeError):
        seeds = {}
    if not seeds or any(len(seed) != _SEED_BYTES for seed in seeds.values()):
        raise SetupError(f"{path} cannot be read: put back a copy of it.")
    return seeds


def _canonical(content: Json) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _text(raw: bytes) -> str:
    # Without padding: clients silently drop keys that have it.
    return base64.b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
