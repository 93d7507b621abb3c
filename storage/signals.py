"""Signals: how a process tells the others on the same PostgreSQL that there is something to look at.

A signal carries no truth, only the hint to read the rows. It may get lost; every reader also looks by
itself from time to time.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, String, bindparam, func, select

from storage.database import Session

CHANNEL = "aglomeracja"
"""The name under which PostgreSQL's NOTIFY carries them."""

_NOTIFY = select(func.pg_notify(CHANNEL, func.unnest(bindparam("payloads", type_=ARRAY(String)))))


def add_signals(session: Session, payloads: Sequence[str]) -> None:
    """Tell every process that listens, once the transaction has committed; PostgreSQL only.

    A payload takes fewer than 8,000 bytes (PostgreSQL, NOTIFY).
    """
    session.execute(_NOTIFY, {"payloads": list(payloads)})
