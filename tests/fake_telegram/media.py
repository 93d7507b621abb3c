"""Files on the fake Telegram: uploaded once, known by their ids from then on, and fetched by their paths."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from handlers.dialogue.pictures import recognise
from tests.fake_telegram.entities import Refused

Json = dict[str, Any]

DOWNLOAD_LIMIT = 20_000_000
PHOTO_LIMIT = 10_000_000


@dataclass(frozen=True)
class Media:
    """A file which Telegram has, as a photo or as a document."""

    kind: str
    file_id: str
    name: str
    data: bytes

    @property
    def path(self) -> str:
        """Where it can be fetched below the address with the token."""
        return f"{self.kind}s/{self.file_id}"

    def shown(self) -> Json:
        """Return the fields of a Message which carries it."""
        about: Json = {
            "file_id": self.file_id,
            "file_unique_id": f"u{self.file_id}",
            "file_size": len(self.data),
        }
        if self.kind == "document":
            return {"document": about | ({"file_name": self.name} if self.name else {})}
        width, height = recognise(self.data)[1] or (90, 90)
        return {"photo": [about | {"width": width, "height": height}]}


class MediaStore:
    """All files of one fake; `uploads` counts those that the bot has sent as bytes."""

    def __init__(self) -> None:
        self.known: dict[str, Media] = {}
        self.uploads = 0
        self._ids = count(1)

    def add(self, kind: str, name: str, data: bytes) -> Media:
        """Keep a file and return it."""
        made = Media(kind, f"{kind}-{next(self._ids)}", name, data)
        self.known[made.file_id] = made
        return made

    def take(self, kind: str, content: object) -> Media:
        """Return what the bot sends as a photo or document: an upload or an id; raises `Refused`."""
        if isinstance(content, web.FileField):
            data = content.file.read()
            if kind == "photo":
                _check_photo(data)
            self.uploads += 1
            return self.add(kind, content.filename, data)
        known = self.known.get(str(content))
        if known is None:
            raise Refused("Bad Request: wrong file identifier/HTTP URL specified")
        if known.kind != kind:
            raise Refused(f"Bad Request: can't use file of type {known.kind.title()} as {kind.title()}")
        return known

    def file(self, file_id: str) -> Json:
        """Return a File; raises `Refused` for one that is unknown or too big to be fetched."""
        known = self.known.get(file_id)
        if known is None:
            raise Refused("Bad Request: invalid file_id")
        if len(known.data) > DOWNLOAD_LIMIT:
            raise Refused("Bad Request: file is too big")
        unique = f"u{file_id}"
        size = len(known.data)
        return {"file_id": file_id, "file_unique_id": unique, "file_size": size, "file_path": known.path}

    def fetch(self, path: str) -> bytes | None:
        """Return what lies at a path."""
        known = self.known.get(path.rpartition("/")[2])
        return known.data if known is not None and known.path == path else None


def _check_photo(data: bytes) -> None:
    mimetype, size = recognise(data)
    if not mimetype.startswith("image/"):
        raise Refused("Bad Request: IMAGE_PROCESS_FAILED")
    width, height = size or (1, 1)
    if len(data) > PHOTO_LIMIT or width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise Refused("Bad Request: PHOTO_INVALID_DIMENSIONS")
