"""Files that lie encrypted with the homeserver: their key is in the event that speaks of them."""

from typing import cast

from nio.crypto.attachments import decrypt_attachment, encrypt_attachment
from nio.exceptions import EncryptionError

from bot.channels.matrix.api import lookup
from bot.channels.matrix.errors import BadFile, Json


def lock(data: bytes) -> tuple[bytes, Json]:
    """Return a file encrypted with a new key, and the `file` of an event without its `url`."""
    return encrypt_attachment(data)


def unlock(data: bytes, file: Json) -> bytes:
    """Return what an event's `file` says is encrypted in `data`; raises `BadFile` when that cannot be."""
    key, hashes = lookup(file, "key") or {}, lookup(file, "hashes") or {}
    parts = [part for part in (key.get("k"), hashes.get("sha256"), file.get("iv")) if isinstance(part, str)]
    if len(parts) != 3:  # noqa: PLR2004 - the parts
        raise BadFile("the key of a file is incomplete")
    try:
        return cast("bytes", decrypt_attachment(data, *parts))
    except (EncryptionError, ValueError, OverflowError):
        raise BadFile("a file is not the one that was sent, or its key is none") from None
