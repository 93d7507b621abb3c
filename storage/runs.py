"""Runs: each time that an announcement is sent to everybody it concerns."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session


class RunState(StrEnum):
    """How far a run has come."""

    FILLING = "filling"
    """Its deliveries are being written; the first of them are on their way."""
    FILLED = "filled"
    """Its deliveries are all written and on their way."""
    DONE = "done"
    """Nothing of it is on its way any more."""
    SKIPPED = "skipped"
    """It was too late to send it."""
    STOPPED = "stopped"
    """A coordinator ended it: what had not left by then does not leave."""


UNDER_WAY = (RunState.FILLING, RunState.FILLED)


class Run(Base):
    """One time that an announcement is sent.

    `cursor` is the last person whose delivery was written. While `paused_at` is set nothing leaves.
    """

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    due_at: Mapped[datetime]
    state: Mapped[RunState] = mapped_column(index=True)
    cursor: Mapped[int] = mapped_column(default=0)
    paused_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("announcement_id", "due_at"),
        Index("ix_run_due_at", "due_at"),
    )

    @property
    def is_under_way(self) -> bool:
        """Whether something of it is still to be sent."""
        return self.state in UNDER_WAY


def get_run(session: Session, run_id: int) -> Run | None:
    """Return the run with this id, if there is one, locked against changes by others."""
    return session.scalars(select(Run).where(Run.id == run_id).with_for_update()).one_or_none()


def get_filling_run(session: Session) -> Run | None:
    """Return the oldest run whose deliveries are not all written yet, if there is one.

    It is locked against changes by others, as it would be filled although somebody stopped it meanwhile.
    """
    query = select(Run).where(Run.state == RunState.FILLING).with_for_update()
    return session.scalars(query.order_by(Run.id).limit(1)).one_or_none()


def get_runs_under_way(session: Session) -> Sequence[int]:
    """Return the ids of the runs of which something is still to be sent, locked against changes by others."""
    return session.scalars(select(Run.id).where(Run.state.in_(UNDER_WAY)).with_for_update()).all()


def set_run_paused(session: Session, run: Run, now: datetime) -> None:
    """Let nothing more of a run leave for now."""
    run.paused_at = now
    session.flush()


def set_run_resumed(session: Session, run: Run) -> None:
    """Let a paused run go on."""
    run.paused_at = None
    session.flush()


def set_run_reopened(session: Session, run: Run) -> None:
    """Let a run which was done go on: something of it is to be sent once more."""
    if run.state is RunState.DONE:
        run.state = RunState.FILLED
    session.flush()


def set_run_stopped(session: Session, run: Run) -> None:
    """End a run: what has not left by now never does."""
    run.state = RunState.STOPPED
    run.paused_at = None
    session.flush()


def sending_runs() -> Select[int]:
    """Return a query of the ids of the runs whose deliveries may leave now."""
    return select(Run.id).where(Run.state.in_(UNDER_WAY), Run.paused_at.is_(None))
