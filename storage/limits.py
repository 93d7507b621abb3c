"""Rate limits kept in the store: the generic cell rate algorithm, one row a key.

The algorithm (ITU-T I.371) keeps one time, the theoretical arrival of the next event: an event is allowed
while that lies no further ahead than the burst permits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Float, Insert, bindparam, case, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session, dialect_of, insert_for, insert_into


class Limit(Base):
    """The theoretical arrival of a key's next event, and until when it allows nothing at all.

    Both in seconds since 1970 UTC: SQL can add to that.
    """

    __tablename__ = "rate_limit"

    key: Mapped[str] = mapped_column(primary_key=True)
    arrival: Mapped[float] = mapped_column(index=True)
    paused_until: Mapped[float]


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` events at once, then one every `interval`."""

    burst: int
    interval: timedelta


def take(session: Session, key: str, rate: Rate, now: datetime) -> bool:
    """Record an event under a key and return whether the rate allows it; a refused one is not counted."""
    moment, step = now.timestamp(), rate.interval.total_seconds()
    values = {"key": key, "arrival": moment + step, "paused_until": 0.0}
    values |= {"moment": moment, "step": step, "latest": moment + step * (rate.burst - 1)}
    return session.execute(_event(dialect_of(session)), values).first() is not None


@cache
def _event(dialect: str) -> Insert:
    """Return the statement that records an event unless it is refused; put together once, as all run it."""
    moment, step = bindparam("moment", type_=Float), bindparam("step", type_=Float)
    later = case((Limit.arrival > moment, Limit.arrival), else_=moment)
    row = insert_for(dialect, Limit).on_conflict_do_update(
        index_elements=[Limit.key],
        set_={"arrival": later + step},
        where=(Limit.arrival <= bindparam("latest", type_=Float)) & (Limit.paused_until <= moment),
    )
    return row.returning(Limit.key)


def set_paused(session: Session, key: str, until: datetime) -> None:
    """Let a key allow nothing before `until`, and its whole burst from then on; a longer pause stays."""
    moment = until.timestamp()
    row = insert_into(session, Limit).values(key=key, arrival=moment, paused_until=moment)
    longer = row.on_conflict_do_update(
        index_elements=[Limit.key],
        set_={"arrival": moment, "paused_until": moment},
        where=Limit.paused_until < moment,
    )
    session.execute(longer)


def list_paused(session: Session, prefix: str, now: datetime) -> dict[str, datetime]:
    """Return until when the keys that begin with a prefix are paused, those that are, by key."""
    query = select(Limit.key, Limit.paused_until).where(Limit.key.startswith(prefix, autoescape=True))
    paused = query.where(Limit.paused_until > now.timestamp())
    return {key: datetime.fromtimestamp(until, UTC) for key, until in session.execute(paused)}


def delete_old_limits(session: Session, now: datetime) -> None:
    """Delete the rows that no longer limit anything."""
    session.execute(delete(Limit).where(Limit.arrival < now.timestamp()))
