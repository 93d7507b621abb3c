"""Encrypted chats on a real Synapse: the whole program beside a bare echo on matrix-nio, on the same server.

The people's devices are in this process; each asks one bot as often as the other, in turns.
"""

import time
from collections.abc import Iterator, Sequence
from statistics import median

from tests.bench.echo_nio import EVERYBODY
from tests.bench.programs import NIO
from tests.bench.report import Aim, Figure, at_least, at_most, bare
from tests.bench.stores import SQLITE, Kind
from tests.bench.timing import percentile
from tests.bench.town import Bot, Town, town, until
from tests.homeserver import synapse
from tests.soak import ledger

QUESTION = "co to jest klaster"
TALKING = 12
"""How many people ask in turn: the bot answers one chat ten times at once, and then once a second."""

WARMING, BLOCKS = 2, 15

PAUSE = 0.3
"""Seconds before a question, in which what follows the answer before it (receipts, reactions) is done."""

AT_MOST = 1.3
"""How many times the bare echo's round trip the program's may take."""

LISTENING = 200
"""How many get an announcement, beside the coordinator who writes it."""

AT_ONCE = (1, 4, 8)
"""How many messages at a time the bare echo sends."""

PER_SECOND = 12.0
"""How many messages of an announcement are to leave a second, or as many as the bare echo sends."""

ANNOUNCEMENT = ("!nowe_ogloszenie", "Zmiana sali", "wszyscy", "teraz", "Wyślij ogłoszenie")


def measure_encrypted(kinds: Sequence[Kind]) -> Iterator[str]:
    """Measure and give the lines."""
    if (lacks := synapse.missing()) is not None:
        yield lacks
        return
    [kind] = [kind for kind in kinds if kind.name == SQLITE]
    with town(kind, 1 + LISTENING) as made:
        yield from _broadcasts(made)
        yield from _rounds(made, "paced", PAUSE)
        yield from _rounds(made, "without a pause", 0.0)


# Round trips


def _rounds(made: Town, how: str, pause: float) -> Iterator[str]:
    """Give the lines on how soon an answer comes."""
    for _ in range(WARMING):
        _block(made, made.ours, pause)
        _block(made, made.bare, pause)
    ours, echo = list[float](), list[float]()
    for _ in range(BLOCKS):
        ours += _block(made, made.ours, pause)
        echo += _block(made, made.bare, pause)
    for percent in (50, 95):
        mine, theirs = percentile(ours, percent), percentile(echo, percent)
        aim = at_most(round(AT_MOST * theirs)) if pause else None
        figure = Figure(mine, "ms", aim, bare(NIO, theirs, mine))
        yield figure.line(f"encrypted question to answer, {how}: p{percent} of {len(ours)}", SQLITE)


def _block(made: Town, bot: Bot, pause: float) -> list[float]:
    """Return how many seconds each of some people waited for an answer."""
    seconds = list[float]()
    for number in range(1, 1 + TALKING):
        time.sleep(pause)
        began = time.perf_counter()
        made.ask(bot, number, QUESTION)
        seconds.append(time.perf_counter() - began)
    return seconds


# Broadcasts


def _broadcasts(made: Town) -> Iterator[str]:
    """Give the lines on announcements: the first gives the keys of all rooms away, the others need none."""
    what = f"announcement to {LISTENING} encrypted chats"
    mine, theirs = _announce(made), _tell(made, AT_ONCE[-1])
    yield _line(f"{what}: the first", mine, theirs, None)
    ours, echo = list[float](), list[float]()
    for at_once in AT_ONCE:
        ours.append(_announce(made))
        echo.append(_tell(made, at_once))
    mine, theirs = median(ours), max(echo)
    yield _line(
        f"{what}: later, median of {len(ours)}", mine, theirs, at_least(round(max(PER_SECOND, theirs), 1))
    )
    told = ", ".join(f"{at_once}: {rate:.0f}" for at_once, rate in zip(AT_ONCE, echo, strict=True))
    yield f"  {NIO}, so many at a time: {told}; the program: {', '.join(f'{rate:.0f}' for rate in ours)}"


def _line(what: str, mine: float, theirs: float, aim: Aim | None) -> str:
    return Figure(mine, "/s", aim, bare(NIO, theirs, mine)).line(what, SQLITE)


def _announce(made: Town) -> float:
    """Let the coordinator announce something; return how many got it a second, from the last word on."""
    *draft, confirmed = ANNOUNCEMENT
    for text in draft:
        made.ask(made.ours, 0, text)
    before = len(made.server.list_encrypted(made.ours.user_id))
    began = time.time()
    made.ask(made.ours, 0, confirmed)
    until(lambda: ledger.is_drained(made.database))
    return _rate(made, made.ours, before, began)


def _tell(made: Town, at_once: int) -> float:
    """Let the bare echo tell everybody something; return how many got it a second."""
    before = len(made.server.list_encrypted(made.bare.user_id))
    began = time.time()
    made.people[0].writes(made.bare.rooms[0], f"{EVERYBODY} {at_once}")
    until(lambda: len(made.server.list_encrypted(made.bare.user_id)) == before + 1 + LISTENING)
    return _rate(made, made.bare, before, began)


def _rate(made: Town, bot: Bot, before: int, began: float) -> float:
    """Return how many of those who listen got something a second; AssertionError unless each got one."""
    sent = made.server.list_encrypted(bot.user_id)[before:]
    times = [at for room_id, at in sent if room_id != bot.rooms[0]]
    rooms = {room_id for room_id, _ in sent if room_id != bot.rooms[0]}
    if not len(times) == len(rooms) == LISTENING:
        raise AssertionError(f"{len(times)} messages in {len(rooms)} rooms")
    return LISTENING / (max(times) - began)
