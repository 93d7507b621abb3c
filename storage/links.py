"""Links: several accounts, on different channels, which are one person; and taking them apart again.

The person who has been known longest stands for both, so that it is the same one whoever asked first, and
takes over what the other one is and did: roles and membership, answers, applications. Of two answers to one
meeting the newer stands, so nobody takes two places. Announcements come while either of the two wants them.

What each account was before lies in `Link`. Taken apart, each account is that person again. It has the
roles and the membership that this person had before, or got on this account since, as far as the common
person had them still. Each answer and application goes with the account on which it was given, so nothing
is counted twice and nobody's place is lost; the name and the language of the common person stay with the
one known longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column

from storage.applications import Application
from storage.database import Base, Session
from storage.deliveries import set_deliveries_taken_over
from storage.meetings import Attendance, set_answers_taken_over
from storage.people import Account, Person
from storage.runs import get_runs_under_way


class Link(Base):
    """An account of a linked person, and the person that it was before with what that one had."""

    __tablename__ = "link"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    coordinates: Mapped[bool]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    wants_announcements: Mapped[bool]
    linked_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who are about to become one, with all their accounts, locked."""

    kept: Person
    other: Person
    accounts: Sequence[Account]


@dataclass(frozen=True, slots=True)
class Linked:
    """What two people both had.

    How many answers no longer count, as there were newer ones to the same meetings; and the organisation
    that the common person does not belong to, if there were two.
    """

    replies_dropped: int
    other_organisation_id: int | None


def lock_pair(session: Session, mine: Account, account_id: int) -> Pair | None:
    """Return the person of an account and that of another one, None when they are the same person."""
    query = select(Account).where(Account.id == account_id).with_for_update(key_share=True)
    theirs = session.scalars(query.execution_options(populate_existing=True)).one()
    if theirs.person_id == mine.person_id:
        return None
    accounts = _lock_accounts(session, {mine.person_id, theirs.person_id})
    kept, other = sorted({account.person for account in accounts}, key=lambda person: person.id)
    return Pair(kept, other, accounts)


def is_linked(session: Session, account: Account) -> bool:
    """Return whether an account is linked with others."""
    return session.get(Link, account.id) is not None


def set_linked(session: Session, pair: Pair, now: datetime) -> Linked:
    """Make one person of two, on all their accounts; return what both had."""
    kept, other = pair.kept, pair.other
    for account in pair.accounts:
        if not is_linked(session, account):
            session.add(_before(account, now))
    session.flush()
    dropped = set_answers_taken_over(session, other.id, kept.id)
    query = update(Application).where(Application.person_id == other.id)
    session.execute(query.values(person_id=kept.id))
    set_deliveries_taken_over(session, get_runs_under_way(session), other.id, kept.id)
    organisations = {kept.organisation_id, other.organisation_id} - {None}
    kept.name = kept.name or other.name
    kept.coordinates |= other.coordinates
    kept.organisation_id = kept.organisation_id or other.organisation_id
    kept.wants_announcements |= other.wants_announcements
    _take_rights(other)
    for account in pair.accounts:
        account.person = kept
    session.flush()
    return Linked(dropped, next(iter(organisations - {kept.organisation_id}), None))


def set_unlinked(session: Session, person: Person) -> Sequence[Account]:
    """Let each account of a person be its own person again; return the accounts, none if it is not linked."""
    accounts = _lock_accounts(session, {person.id})
    rows = session.scalars(select(Link).where(Link.account_id.in_([account.id for account in accounts])))
    links = {link.account_id: link for link in rows}
    if not links:
        return []
    coordinates, member = person.coordinates, person.organisation_id is not None
    wants, person.preferred_channel = person.wants_announcements, None
    _take_rights(person)
    for account in accounts:
        link = links[account.id]
        home = session.get_one(Person, link.person_id)
        home.coordinates = link.coordinates and coordinates
        home.organisation_id = link.organisation_id if member else None
        home.wants_announcements = link.wants_announcements and wants
        _give_back(session, account, home)
        account.person = home
    session.execute(delete(Link).where(Link.account_id.in_(links)))
    session.flush()
    return accounts


def keep_coordination(session: Session, account: Account) -> None:
    """Record that somebody got the coordinator's role on this account, which is to keep it on its own."""
    link = session.get(Link, account.id)
    if link is not None:
        link.coordinates = True


def keep_membership(session: Session, account_id: int | None, organisation_id: int) -> None:
    """Record that somebody became a member on this account, which is to stay one on its own."""
    link = session.get(Link, account_id) if account_id is not None else None
    if link is not None:
        link.organisation_id = organisation_id


def _lock_accounts(session: Session, person_ids: set[int]) -> Sequence[Account]:
    """Return the accounts of these people, with them, locked against changes by others, the oldest first."""
    query = select(Account).join(Account.person).where(Account.person_id.in_(person_ids))
    query = query.options(contains_eager(Account.person)).order_by(Account.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(locked).all()


def _before(account: Account, now: datetime) -> Link:
    """Return what an account is before it is linked."""
    person = account.person
    return Link(
        account_id=account.id,
        person_id=person.id,
        coordinates=person.coordinates,
        organisation_id=person.organisation_id,
        wants_announcements=person.wants_announcements,
        linked_at=now,
    )


def _take_rights(person: Person) -> None:
    """Leave somebody without an account no role and no membership: both are counted and listed."""
    person.coordinates = False
    person.organisation_id = None


def _give_back(session: Session, account: Account, home: Person) -> None:
    """Let what was done on an account be its own person's."""
    for table in (Attendance, Application):
        mine = update(table).where(table.person_id == account.person_id, table.account_id == account.id)
        session.execute(mine.values(person_id=home.id))
