"""The turns of a sender: what each does in its transaction.

A turn records what was sent since the last one, marks what leaves next, and claims more when little is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.channel import Channel
from storage import closing, outbox
from storage.database import Session
from storage.deliveries import Due
from storage.leases import Term
from storage.outbox import Outcome

CLAIMED_AT_ONCE = 50

FORSAKEN_AFTER = timedelta(minutes=1)
"""How long a message is in hand without its process knowing, or, where every process may send, at all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction records, marks as leaving, and how much it claims.

    `urgent`: what belongs to no broadcast is looked for, however much is in hand. `anew`: what this term has
    claimed is pending first, since nothing of it is in hand. `known` are the messages in hand, `after_run` is
    the broadcast which was claimed from last.
    """

    outcomes: list[Outcome]
    leaving: list[Due]
    claims: int
    urgent: bool
    anew: bool
    known: frozenset[int]
    after_run: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a turn: which calls may leave, what was claimed and when something more is due."""

    allowed: set[int]
    claimed: list[Due]
    next_at: datetime | None


class Turns:
    """Takes the turns of the sender on `channel`; `now` tells the aware UTC time."""

    def __init__(self, channel: Channel, now: Callable[[], datetime]) -> None:
        """Take what is sent through."""
        self._channel = channel
        self._now = now

    def take(self, turn: Turn, term: Term | None, session: Session) -> Taken:
        """Do what a turn asks for; without a term only what was sent is recorded."""
        closing.record_outcomes(session, turn.outcomes, self._now())
        if term is None:
            return Taken(set(), [], None)
        if turn.anew:
            outbox.release_claimed(session, term)
        ids = [due.id for due in turn.leaving]
        allowed = outbox.set_sending(session, ids, term) if ids else set[int]()
        if len(allowed) < len(ids):
            outbox.release(session, [one for one in ids if one not in allowed], term)
        claimed = self._claim(session, turn, term)
        if claimed or not turn.claims:
            return Taken(allowed, claimed, None)
        return Taken(allowed, [], self._tidy(session, turn, term))

    def release_others(self, session: Session, term: Term) -> None:
        """Give back what others have in hand whose place this process has taken."""
        forsaken = self._now() - FORSAKEN_AFTER
        outbox.release_others(session, term, forsaken, repeatable=self._channel.repeatable)

    def give_back(self, outcomes: Sequence[Outcome], tokens: Sequence[str], session: Session) -> None:
        """Record what is known and give back whatever else is in the hands of these terms."""
        closing.record_outcomes(session, outcomes, self._now())
        outbox.release_own(session, self._channel.name, tokens)

    def _claim(self, session: Session, turn: Turn, term: Term) -> list[Due]:
        """Claim what a turn asks for."""
        if turn.claims:
            return outbox.claim_due(session, term, self._now(), turn.claims, turn.after_run)
        return outbox.claim_urgent(session, term, self._now(), CLAIMED_AT_ONCE) if turn.urgent else []

    def _tidy(self, session: Session, turn: Turn, term: Term) -> datetime | None:
        """Close what is over and give back what was left lying; return when something more is due."""
        outbox.set_runs_done(session)
        self.release_others(session, term)
        outbox.release_forgotten(session, term, turn.known, self._now() - FORSAKEN_AFTER)
        return outbox.get_next_due_at(session, term.name)
