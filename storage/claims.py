"""One-time codes: whoever sends one gets what it was made for; only their digests are kept.

A code has a purpose and an end. Guessing is limited here, for every purpose alike, so that no use of codes
can forget to.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session
from storage.limits import Rate, take

CODE_LENGTH = 10
# No letters or digits that look alike when read from a screen and typed on a phone: 31^10 codes.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Purpose(StrEnum):
    """What a code is good for."""

    COORDINATE = "coordinate"
    """Becoming a coordinator; the server prints it."""
    LINK = "link"
    """Making one person of two accounts; one of them shows it and the other sends it."""


CODE_LIFE = {Purpose.COORDINATE: timedelta(hours=24), Purpose.LINK: timedelta(minutes=10)}
"""How long a code is good."""

PER_PERSON = Rate(burst=5, interval=timedelta(minutes=5))
TOGETHER = Rate(burst=100, interval=timedelta(seconds=1))
"""How fast codes may be tried: at one a second for a day, one code is found in some 26 million years."""


class TooManyTries(Exception):
    """So many codes were tried that none is looked at now."""


class Claim(Base):
    """A code which is still good, as a SHA-256 digest; `account_id` is the account that showed it, if one."""

    __tablename__ = "claim"

    digest: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    expires_at: Mapped[datetime]


def add_claim(session: Session, purpose: Purpose, now: datetime, account_id: int | None = None) -> str:
    """Store a fresh code and return it in two groups, as it is to be shown.

    An account has one code for a purpose: the fresh one takes the place of the one before.
    """
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    session.execute(delete(Claim).where(Claim.expires_at < now))
    if account_id is not None:
        session.execute(delete(Claim).where(Claim.purpose == purpose, Claim.account_id == account_id))
    expires_at = now + CODE_LIFE[purpose]
    session.add(Claim(digest=_digest(code), purpose=purpose, account_id=account_id, expires_at=expires_at))
    session.flush()
    return f"{code[:5]}-{code[5:]}"


def try_code(session: Session, purpose: Purpose, typed: str, who: str, now: datetime) -> Claim | None:
    """Return the claim whose code was typed, locked, if there is a good one; `who` names who tries.

    Raises TooManyTries when `who`, or all together, have tried too many. A try counts only if the
    transaction is committed, whatever came of it.
    """
    one = take(session, f"code:{purpose}:{who}", PER_PERSON, now)
    if not one or not take(session, f"code:{purpose}", TOGETHER, now):
        raise TooManyTries
    digest = _digest("".join(c for c in typed.upper() if c.isalnum()))
    # Found by its digest: how long that takes tells nothing of a code to whoever does not know it.
    good = select(Claim).where(Claim.digest == digest, Claim.purpose == purpose, Claim.expires_at >= now)
    return session.scalars(good.with_for_update()).one_or_none()  # whoever is second finds none


def use_up(session: Session, claim: Claim) -> None:
    """Use up a code and every other of its purpose that the same account, or the server, has shown."""
    same = Claim.account_id.is_not_distinct_from(claim.account_id)
    session.execute(delete(Claim).where(Claim.purpose == claim.purpose, same))


def _digest(code: str) -> str:
    """Return the digest of a code."""
    return hashlib.sha256(code.encode()).hexdigest()
