"""How fast a homeserver lets the bot send.

A stock Synapse takes ten events at once from an account and then one in five seconds (its setting rc_message:
burst_count 10, per_second 0.2), whatever room they go to.
"""

from bot.pacer import ChatRate, Pace

BURST = 10
"""How many messages a homeserver takes at once."""

SPARE = 2
"""How many of these are left to what the pacer does not see: a chat that is joined counts as well."""

AT_ONCE = 8
"""How many pushes a homeserver is given at once: enough to keep it busy, and answers still get through."""

REACTIONS_FROM = 5.0
"""From so many messages a second on there is room for reactions, each of which is an event too."""


ROOM = ChatRate(2 * BURST, 1.0, BURST)
"""No homeserver counts by room: who has just had many answers hears other news as well within a second."""


def pace(per_second: float) -> Pace:
    """Return the pace of so many messages a second in the long run, after a burst."""
    count = max(BURST - SPARE, round(per_second))
    return Pace(count, count // 3, lambda _address: ROOM, count / per_second, AT_ONCE)
