"""What the first bytes of a file say that it is: only those pictures count which every browser shows.

What a platform or a name says of a file is not looked at. Sources: PNG (W3C) 5.2 and 11.2.2, GIF89a 17 and
18, JPEG (ITU T.81) B.1 and B.2.2, WebP (RFC 9649) 2.3 to 2.7.
"""

from collections.abc import Callable
from typing import Literal

Size = tuple[int, int]
"""Width and height in pixels."""

UNKNOWN = "application/octet-stream"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers before a frame's size; the three left out are tables and an extension."""


def recognise(data: bytes) -> tuple[str, Size | None]:
    """Return the type of a file, and a picture's size where its header tells it."""
    for mimetype, begins, measure in _KINDS:
        if begins(data):
            return mimetype, measure(data)
    return UNKNOWN, None


def _png(data: bytes) -> Size | None:
    return _pair(data, 16, 4, "big") if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size | None:
    return _pair(data, 6, 2, "little")


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        if data[at + 1] in _FRAMES:
            size = _pair(data, at + 5, 2, "big")
            return (size[1], size[0]) if size is not None else None  # the height comes first
        at += 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return None


def _webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8 ":
            size = _pair(data, 26, 2, "little")
            return (size[0] & 0x3FFF, size[1] & 0x3FFF) if size is not None else None
        case b"VP8L" if len(data) > 25:  # noqa: PLR2004 - where the picture begins
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            size = _pair(data, 24, 3, "little")
            return (size[0] + 1, size[1] + 1) if size is not None else None
    return None


def _pair(data: bytes, at: int, length: int, order: Literal["big", "little"]) -> Size | None:
    """Return two numbers of so many bytes each; None where there are none or one of them is 0."""
    both = data[at : at + 2 * length]
    if len(both) < 2 * length:
        return None
    size = int.from_bytes(both[:length], order), int.from_bytes(both[length:], order)
    return size if all(size) else None


def _nothing(_data: bytes) -> None:
    """Return that what is no picture has no size."""


_KINDS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    ("image/png", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    ("image/jpeg", lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg),
    ("image/gif", lambda data: data.startswith((b"GIF87a", b"GIF89a")), _gif),
    ("image/webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
    ("application/pdf", lambda data: data.startswith(b"%PDF-"), _nothing),
)
