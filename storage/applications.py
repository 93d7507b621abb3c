"""Applications to join the cluster."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session
from storage.people import Account


class Decision(StrEnum):
    """What became of an application."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Application(Base):
    """An organisation's wish to join; `consented_at` is when the person agreed to its being kept.

    `account_id` is the account on which it was sent, where that is known.
    """

    __tablename__ = "application"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    organisation: Mapped[str]
    contact_person: Mapped[str]
    contact: Mapped[str]
    area: Mapped[str]
    consented_at: Mapped[datetime]
    decision: Mapped[Decision] = mapped_column(index=True)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an applicant says."""

    organisation: str
    contact_person: str
    contact: str
    area: str


def add_application(session: Session, draft: Draft, account: Account, now: datetime) -> Application:
    """Store and return a new application, sent on an account, which waits for a decision."""
    application = Application(
        person_id=account.person_id,
        account_id=account.id,
        organisation=draft.organisation,
        contact_person=draft.contact_person,
        contact=draft.contact,
        area=draft.area,
        consented_at=now,
        decision=Decision.WAITING,
    )
    session.add(application)
    session.flush()
    return application


def get_application(session: Session, application_id: int) -> Application | None:
    """Return the application with this id, if there is one, locked against changes by others."""
    query = select(Application).where(Application.id == application_id).with_for_update()
    return session.scalars(query).one_or_none()


def get_waiting_application(session: Session, person_id: int) -> Application | None:
    """Return the application of this person which waits for a decision, if there is one."""
    query = select(Application).where(Application.person_id == person_id)
    return session.scalars(query.where(Application.decision == Decision.WAITING).limit(1)).one_or_none()


def list_waiting_applications(session: Session, limit: int = 5) -> list[Application]:
    """Return the applications that wait for a decision, the oldest first."""
    query = select(Application).where(Application.decision == Decision.WAITING)
    return list(session.scalars(query.order_by(Application.id).limit(limit)))


def set_decision(
    session: Session, application: Application, decision: Decision, *, by: int, now: datetime
) -> None:
    """Record how an application was decided, by which person and when."""
    application.decision = decision
    application.decided_by = by
    application.decided_at = now
    session.flush()
