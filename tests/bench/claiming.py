"""Claiming, marking and recording with a million rows pending: the ledger's own speed, nothing is sent."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from storage import leases, outbox
from storage.database import Database, Session
from storage.deliveries import Due, State
from storage.leases import Term
from storage.outbox import Outcome
from tests.bench.driver import Driver
from tests.bench.filling import CHANNEL, pushes, utc_now
from tests.bench.report import Figure, at_least, bare
from tests.bench.stores import Kind

PENDING = 1_000_000
CLAIM = 50
ROUNDS = 100
"""How often is claimed in a run."""

_BARE_CLAIM = """
UPDATE delivery SET state = 'claimed', owner = 'bare', claimed_at = CURRENT_TIMESTAMP WHERE id IN (
    SELECT id FROM delivery WHERE run_id = 1 AND channel = 'telegram' AND priority = 2
    AND state = 'pending' AND due_at <= CURRENT_TIMESTAMP ORDER BY id LIMIT :most
) RETURNING id, address, content_id, attempts
"""
_BARE_MARK = "UPDATE delivery SET state = 'sending' WHERE id BETWEEN :first AND :last AND owner = 'bare'"
_BARE_RECORD = """
UPDATE delivery SET state = 'sent', attempts = 1, platform_ref = :ref WHERE id = :id AND owner = 'bare'
"""


def measure_claiming(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    for kind in kinds:
        with kind.database(pushes(PENDING)) as database:
            for batch, aim in ((10, 3_000), (CLAIM, 8_000)):
                other, ours = _measure_bare(database, batch), _measure_ours(database, batch)
                what = f"claim {CLAIM}, mark and record {batch}, 1,000,000 pending"
                beside = bare("bare statements", other, ours)
                yield Figure(ours, "rows/s", at_least(aim), beside).line(what, kind.name)


def _measure_ours(database: Database, batch: int) -> float:
    """Return how many rows a second pass through the program's steps, each a transaction as a sender's."""
    term = database.write(_take_lease)
    began = time.perf_counter()
    for _ in range(ROUNDS):
        claimed = database.write(partial(outbox.claim_due, term=term, now=utc_now(), limit=CLAIM))
        before = list[Due]()
        for start in range(0, CLAIM, batch):
            leaving = claimed[start : start + batch]
            database.write(partial(_turn, before, leaving, term))
            before = leaving
        database.write(partial(_turn, before, [], term))
    return ROUNDS * CLAIM / (time.perf_counter() - began)


def _take_lease(session: Session) -> Term:
    """Take the channel's lease for longer than all of this lasts."""
    return leases.claim_leases(session, [CHANNEL], "bench", utc_now(), timedelta(hours=1))[CHANNEL]


def _turn(before: Sequence[Due], leaving: Sequence[Due], term: Term, session: Session) -> None:
    """Record one batch and mark the next: one turn of a sender."""
    outbox.record_outcomes(session, [Outcome(due, State.SENT, platform_ref=str(due.id)) for due in before])
    if leaving:
        allowed = outbox.set_sending(session, [due.id for due in leaving], term)
        if len(allowed) != len(leaving):
            raise AssertionError("what was claimed may not leave")


def _measure_bare(database: Database, batch: int) -> float:
    """Return how many rows a second pass through the same steps as plain statements of the driver."""
    driver = Driver(database)
    began = time.perf_counter()
    for _ in range(ROUNDS):
        ids = sorted(row[0] for row in driver.run(_BARE_CLAIM, most=CLAIM))
        before = list[int]()
        for start in range(0, CLAIM, batch):
            leaving = ids[start : start + batch]
            with driver:
                driver.run_many(_BARE_RECORD, [{"ref": str(one), "id": one} for one in before])
                driver.run(_BARE_MARK, first=leaving[0], last=leaving[-1])
            before = leaving
        driver.run_many(_BARE_RECORD, [{"ref": str(one), "id": one} for one in before])
    spent = time.perf_counter() - began
    driver.close()
    return ROUNDS * CLAIM / spent
