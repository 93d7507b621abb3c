"""Files in a conversation: taking one that was sent, and the message's word for one that is stored."""

import re
import unicodedata
from pathlib import PurePosixPath

from handlers.dialogue.context import Context, FileWanted, UserError
from handlers.dialogue.markup import clean_text
from handlers.dialogue.message import Attached, FileProblem, FileRef
from handlers.dialogue.pictures import recognise
from storage import files
from storage.database import Session
from storage.files import MAX_FILE_BYTES, Draft, File

MAX_NAME_BYTES = 120
"""How long a file's name may be in UTF-8: a file system takes 255 (NAME_MAX), people read less."""

MAX_ENDING = 10
"""How many characters of an ending (".pdf") outlive the shortening of a long name."""

_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}
# What separates folders, or means something to a file system, a header or a shell.
_UNSAFE = re.compile(r'[\\/:*?"<>|;`$%\x00-\x1f\x7f]+')


def take_file(ctx: Context, file: Attached) -> FileRef:
    """Store a file that was sent and return what messages call it.

    Raises UserError for one that is too big or did not come, FileWanted while its bytes are not there.
    """
    limit = MAX_FILE_BYTES // 1_000_000
    if file.problem is FileProblem.TOO_BIG or (file.size or 0) > MAX_FILE_BYTES:
        raise UserError(ctx.t("This file is too big. Please send one of at most {limit} MB.", limit=limit))
    if file.problem is FileProblem.LOST:
        raise UserError(ctx.t("The file did not reach me. Please send it once more."))
    if file.data is None:
        raise FileWanted
    if not file.data:
        raise UserError(ctx.t("This file is empty. Please send another one."))
    mimetype, size = recognise(file.data)
    nameless = ctx.t("file.{ending}", ending=_ENDINGS.get(mimetype, "bin"))
    name = safe_name(file.name) or str(nameless)
    return ref_of(files.add_file(ctx.session, Draft(name, mimetype, file.data, *(size or ())), ctx.now))


def ref_of(file: File) -> FileRef:
    """Return what messages call a file of the store."""
    return FileRef(file.id, file.token, file.name, file.mimetype, file.size, file.width, file.height)


def get_ref(session: Session, file_id: int | None) -> FileRef | None:
    """Return what messages call the file with this id, None when there is none (any more)."""
    file = files.get_file(session, file_id) if file_id is not None else None
    return ref_of(file) if file is not None else None


def safe_name(name: str) -> str:
    """Return a file's name without folders and without what could deceive, "" when nothing is left of it."""
    last = re.split(r"[\\/]", clean_text(name))[-1]
    spaced = " ".join(_UNSAFE.sub(" ", last).split()).strip(" .")
    return spaced if _fits(spaced, MAX_NAME_BYTES) else _shortened(spaced)


def _shortened(name: str) -> str:
    """Return the beginning of a long name with its ending."""
    ending = PurePosixPath(name).suffix
    ending = ending if len(ending) <= MAX_ENDING else ""
    stem = name.removesuffix(ending)
    while stem and (not _fits(stem + ending, MAX_NAME_BYTES) or unicodedata.combining(stem[-1])):
        stem = stem[:-1]
    return stem + ending


def _fits(name: str, limit: int) -> bool:
    return len(name.encode()) <= limit
