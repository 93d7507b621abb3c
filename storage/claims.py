"""One-time codes that make a person a coordinator; only their digests are kept."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, Session

CODE_LIFE = timedelta(hours=24)
CODE_LENGTH = 10
# No letters or digits that look alike when read from a terminal and typed on a phone: 31^10 codes.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Claim(Base):
    """A code which is still good, as a SHA-256 digest."""

    __tablename__ = "claim"

    digest: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


def add_claim(session: Session, now: datetime) -> str:
    """Store a fresh code and return it in two groups, as it is to be shown."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    session.execute(delete(Claim).where(Claim.expires_at < now))
    session.add(Claim(digest=_digest(code), expires_at=now + CODE_LIFE))
    return f"{code[:5]}-{code[5:]}"


def claim_code(session: Session, typed: str, now: datetime) -> bool:
    """Return whether a typed code is good; if so, it and every other outstanding code are used up."""
    digest = _digest("".join(c for c in typed.upper() if c.isalnum()))
    good = select(Claim.digest).where(Claim.expires_at >= now).order_by(Claim.digest)
    known = session.scalars(good.with_for_update()).all()  # whoever is second finds none
    matches = [hmac.compare_digest(digest, one) for one in known]  # all of them, in constant time
    if True not in matches:
        return False
    session.execute(delete(Claim))
    return True


def _digest(code: str) -> str:
    """Return the digest of a code."""
    return hashlib.sha256(code.encode()).hexdigest()
