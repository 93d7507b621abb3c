"""What the device publishes of its keys, so that others can write to it: also to one that is switched off.

Somebody who begins to write takes a one-time key from the homeserver; when none is left they get the fallback
key. That one is replaced by age, not when it was used: only its two newest private halves are kept, and
whoever takes many keys could otherwise make the bot forget one that is in use.
"""

from collections.abc import Mapping
from typing import Protocol, cast

from nio.crypto.olm_machine import Olm

from bot.channels.matrix.errors import Json
from bot.channels.matrix.keys import DAY
from bot.channels.matrix.machine import MEGOLM, Machine

OLM = "m.olm.v1.curve25519-aes-sha2"

FALLBACK_SECONDS = 7 * DAY

ENOUGH_ONE_TIME_KEYS = 25
"""Below so many of the 50 that a homeserver holds, new ones are sent."""


class _PublicKey(Protocol):
    def to_base64(self) -> str:
        """Return the key as it is published."""


class _Fallback(Protocol):
    """What vodozemac's account can do and its stubs leave out."""

    @property
    def fallback_key(self) -> Mapping[str, _PublicKey]:
        """The fallback key that is not published yet, by its id."""

    def generate_fallback_key(self) -> None:
        """Make a new one."""


def is_due(machine: Machine, count: int, now: float) -> bool:
    """Return whether to publish keys, when the homeserver holds `count` one-time keys."""
    too_few = count < ENOUGH_ONE_TIME_KEYS or not machine.account.shared
    return too_few or now - machine.keys.fallback_at() >= FALLBACK_SECONDS


def make(machine: Machine, count: int, now: float) -> Json:
    """Return the body of keys/upload; it is safe to lose it and to make another."""
    account, body = machine.account, Json()
    if not account.shared:
        body["device_keys"] = signed(machine, device_keys(machine))
    fallback = _fallback(machine)
    if now - machine.keys.fallback_at() >= FALLBACK_SECONDS and not fallback.fallback_key:
        fallback.generate_fallback_key()
    missing = account.max_one_time_keys - count - len(account.one_time_keys["curve25519"])
    if missing > 0:
        account.generate_one_time_keys(missing)
    machine.save_account()  # the private halves are on the disk before anybody can use the public ones
    for key_id, key in account.one_time_keys["curve25519"].items():
        body.setdefault("one_time_keys", {})[f"signed_curve25519:{key_id}"] = signed(machine, {"key": key})
    for key_id, public in fallback.fallback_key.items():
        content: Json = {"key": public.to_base64(), "fallback": True}
        body["fallback_keys"] = {f"signed_curve25519:{key_id}": signed(machine, content)}
    return body


def published(machine: Machine, body: Json, now: float) -> None:
    """Note that the homeserver has taken what `make` returned."""
    machine.account.mark_keys_as_published()
    machine.account.shared = True
    machine.save_account()
    if "fallback_keys" in body:
        machine.keys.set_fallback_at(now)


def device_keys(machine: Machine) -> Json:
    """Return the device's public keys, not signed yet."""
    device_id, own = machine.device_id, machine.account.identity_keys
    return {
        "algorithms": [OLM, MEGOLM],
        "device_id": device_id,
        "user_id": machine.user_id,
        "keys": {f"curve25519:{device_id}": own["curve25519"], f"ed25519:{device_id}": own["ed25519"]},
    }


def are_published(machine: Machine, theirs: Json) -> bool:
    """Return whether the device's keys are those that the homeserver hands out, signed by the device."""
    key = machine.account.identity_keys["ed25519"]
    if theirs.get("keys") != device_keys(machine)["keys"]:
        return False
    return bool(Olm.verify_json(machine, dict(theirs), key, machine.user_id, machine.device_id))


def signed(machine: Machine, content: Json) -> Json:
    """Return some JSON with the device's signature."""
    signature = {f"ed25519:{machine.device_id}": machine.sign_json(content)}
    return {**content, "signatures": {machine.user_id: signature}}


def _fallback(machine: Machine) -> _Fallback:
    return cast("_Fallback", machine.account._account)  # noqa: SLF001 - nio knows nothing of fallback keys
