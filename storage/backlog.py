"""The backlog: how much is still to be sent on each channel."""

from collections import Counter

from sqlalchemy import func, select, union_all

from storage.database import Session
from storage.deliveries import Delivery
from storage.outbox import IS_IN_HAND, IS_PENDING
from storage.runs import sending_runs

# Each part has an index of its own, walked without the table: a million rows take a tenth of a second.
_GROUP = Delivery.run_id, Delivery.channel
_WAITING = select(*_GROUP, func.count().label("number")).where(Delivery.run_id.in_(sending_runs()))
_PARTS = union_all(
    *(_WAITING.where(part).group_by(*_GROUP) for part in (IS_PENDING, IS_IN_HAND)),
).subquery()
_BACKLOG = select(_PARTS.c.run_id, _PARTS.c.channel, _PARTS.c.number)


def count_ahead(session: Session, run_id: int) -> dict[str, int]:
    """Return how much leaves on each channel before a run is done there, by channel.

    That is what all runs whose deliveries may leave have there, as they take turns; channels on which the run
    itself has nothing left are not among them.
    """
    left, own = Counter[str](), set[str]()
    for run, channel, number in session.execute(_BACKLOG):
        left[channel] += number
        if run == run_id:
            own.add(channel)
    return {channel: left[channel] for channel in own}
