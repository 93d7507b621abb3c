"""Files that go out with announcements, and the copies of them that the platforms keep."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.announcements import Announcement
from storage.database import Base, Session, insert_into

MAX_FILE_BYTES = 5_000_000
"""How large a file may be: a poster or an agenda is smaller, and each is a row that is copied with the store.

Every platform takes as much: Telegram gives a bot 20 MB and takes a picture of 10 (Bot API, getFile and
sendPhoto), a stock Synapse takes 50 (max_upload_size).
"""

UNUSED_KEPT = timedelta(days=3)
"""How long a file is kept that no announcement needs: somebody may still be filling in the form."""


class File(Base):
    """A file with its bytes. `token` is its secret name on the web; `width` and `height` are a picture's."""

    __tablename__ = "file"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    mimetype: Mapped[str]
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    created_at: Mapped[datetime] = mapped_column(index=True)


class FileCopy(Base):
    """What a platform calls its copy of a file: `place` says where that is, `ref` is the platform's word."""

    __tablename__ = "file_copy"

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A file to be stored; `width` and `height` in pixels where they are known."""

    name: str
    mimetype: str
    data: bytes
    width: int | None = None
    height: int | None = None


def add_file(session: Session, draft: Draft, now: datetime) -> File:
    """Store and return a new file."""
    file = File(
        token=secrets.token_urlsafe(24),
        name=draft.name,
        mimetype=draft.mimetype,
        size=len(draft.data),
        width=draft.width,
        height=draft.height,
        data=draft.data,
        created_at=now,
    )
    session.add(file)
    session.flush()
    return file


def get_file(session: Session, file_id: int) -> File | None:
    """Return the file with this id, without its bytes, if there is one."""
    return session.get(File, file_id)


def get_data(session: Session, file_id: int) -> bytes | None:
    """Return the bytes of the file with this id, if there is one."""
    return session.scalar(select(File.data).where(File.id == file_id))


def get_copy(session: Session, file_id: int, place: str) -> dict[str, Any] | None:
    """Return what a platform calls its copy of a file, None when it has none."""
    query = select(FileCopy.ref).where(FileCopy.file_id == file_id, FileCopy.place == place)
    return session.scalar(query)


def set_copy(session: Session, file_id: int, place: str, ref: dict[str, Any]) -> None:
    """Keep what a platform calls its copy of a file, in place of an older one."""
    row = insert_into(session, FileCopy).values(file_id=file_id, place=place, ref=ref)
    session.execute(row.on_conflict_do_update(index_elements=["file_id", "place"], set_={"ref": ref}))


def delete_copy(session: Session, file_id: int, place: str) -> None:
    """Forget a platform's copy of a file."""
    session.execute(delete(FileCopy).where(FileCopy.file_id == file_id, FileCopy.place == place))


def delete_unused_files(session: Session, now: datetime) -> None:
    """Delete the files that no announcement needs and that no form can still be waiting with."""
    needed = select(Announcement.id).where(Announcement.file_id == File.id)
    unused = select(File.id).where(File.created_at < now - UNUSED_KEPT, ~needed.exists())
    ids = session.scalars(unused.with_for_update()).all()
    session.execute(delete(FileCopy).where(FileCopy.file_id.in_(ids)))
    session.execute(delete(File).where(File.id.in_(ids)))
