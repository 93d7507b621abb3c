"""Devices: the number of a channel's device, whose twin lies in a file beside the program.

A file with a lower number than the store's is an old copy: its keys were used since and must not be again.
"""

from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, insert_into


class Device(Base):
    """The device of `name`: a channel and the folder on the machine that holds the device."""

    __tablename__ = "device"

    name: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int]


def get_generation(session: Session, name: str) -> int:
    """Return the last number of a device, 0 for one that never was."""
    found = session.get(Device, name)
    return found.generation if found is not None else 0


def set_generation(session: Session, name: str, generation: int) -> None:
    """Keep a device's number."""
    row = insert_into(session, Device).values(name=name, generation=generation)
    session.execute(row.on_conflict_do_update(index_elements=[Device.name], set_={"generation": generation}))
