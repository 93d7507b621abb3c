"""Leases: which process does what only one may do, such as sending on a channel.

A lease is a row with an expiry and a fencing number. Whoever finds it expired takes it and raises the
number, so that the work of a process which slept through its expiry can be told from its successor's and is
refused (M. Kleppmann, "How to do distributed locking", 2016).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, case, exists, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, dialect_of, insert_into


class Lease(Base):
    """What `name` stands for is done by the process `owner` until `expires_at`."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]


NO_FENCE = 0
"""Stands in the token of a process that needs no lease for what it does."""


@dataclass(frozen=True, slots=True)
class Term:
    """One process's time in office: from its taking a lease until it loses it."""

    name: str
    owner: str
    fence: int

    @property
    def token(self) -> str:
        """What marks a row as being in the hands of this term."""
        return f"{self.owner}:{self.fence}"


def get_time(session: Session, now: datetime) -> datetime:
    """Return the time by which leases run: the database's, which machines share; on SQLite `now`."""
    if dialect_of(session) == "sqlite":
        return now
    found: datetime = session.execute(_TIME).scalar_one()
    return found


_TIME = select(func.clock_timestamp(type_=Lease.__table__.c.expires_at.type))


def claim_leases(
    session: Session, names: Iterable[str], owner: str, now: datetime, life: timedelta
) -> dict[str, Term]:
    """Take the leases that are free and renew those that are held; return the terms, by name."""
    rows = [
        {"name": name, "owner": owner, "fence": 1, "expires_at": now + life}
        for name in sorted(names)  # in one order, so that two processes never wait for each other
    ]
    if not rows:
        return {}
    claim = insert_into(session, Lease).on_conflict_do_update(
        index_elements=[Lease.name],
        set_={
            "owner": owner,
            "fence": case((Lease.owner == owner, Lease.fence), else_=Lease.fence + 1),
            "expires_at": now + life,
        },
        where=(Lease.owner == owner) | (Lease.expires_at <= now),
    )
    # Not .values(rows): such a statement is compiled anew every time.
    found = session.execute(claim.returning(Lease.name, Lease.fence), rows)
    return {name: Term(name, owner, fence) for name, fence in found}


def get_next_expiry(session: Session, names: Sequence[str]) -> datetime | None:
    """Return when the first of these leases expires, if any of them was ever taken."""
    return session.scalar(select(func.min(Lease.expires_at)).where(Lease.name.in_(names)))


def release_leases(session: Session, owner: str, now: datetime) -> None:
    """Give back what a process holds; the fencing numbers stay."""
    session.execute(update(Lease).where(Lease.owner == owner, Lease.expires_at > now).values(expires_at=now))


def release_every_lease(session: Session, now: datetime) -> None:
    """Give back what anybody holds: for a store that nobody else works on."""
    session.execute(update(Lease).where(Lease.expires_at > now).values(expires_at=now))


IS_HELD = exists().where(
    Lease.name == bindparam("term_name"),
    Lease.owner == bindparam("term_owner"),
    Lease.fence == bindparam("term_fence"),
)
"""The condition that a term has not ended: nobody else has taken its lease. It wants `term_values`."""


def term_values(term: Term) -> dict[str, str | int]:
    """Return what `IS_HELD` wants to know of a term."""
    return {"term_name": term.name, "term_owner": term.owner, "term_fence": term.fence}
