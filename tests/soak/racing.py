"""Three processes on one store, all told of every update and killed in turn: each thing happens once."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

from sqlalchemy import func, select

from storage import meetings
from storage.conversations import Receipt
from storage.database import Database
from storage.deliveries import Delivery, State
from storage.meetings import Answer, Attendance, Draft
from storage.people import Account
from tests.bench.programs import Fake, fake_telegram
from tests.soak import ledger, people
from tests.soak.platforms import FIRST, expect_people, texts_in
from tests.soak.programs import Program, alive, bot, until
from tests.soak.verdict import Verdict

PROCESSES = 3
PEOPLE = 41
"""How many write and get announcements: no multiple of the updates, so that everybody writes each of them."""

UPDATES = ["kiedy spotkanie?", "/rsvp 1 yes", "co to jest klaster?", "/rsvp 1 no", "/rsvp 1 maybe"]
UPDATES_PER_SECOND = 20
LEASE_SECONDS = 3.0
ANSWERS_PER_KILL = 10
"""How many answers at most are under way when a process is killed (`bot.sender.LEAVING_AT_ONCE`)."""

BEGIN_AFTER = 2.0
"""Seconds until the first announcement is due."""

OPENING = "Będziesz?"
"""What each chat of a load shows before anybody writes (tests/fake_telegram/load.py)."""


@dataclass(frozen=True)
class Plan:
    """For how many seconds updates come and announcements fall due, and when processes are killed: by `seed`.

    Between two kills there are, once the killed one is there again, from `pauses[0]` to `pauses[1]` seconds.
    """

    seconds: int
    pauses: tuple[float, float]
    seed: int

    @property
    def updates(self) -> int:
        """How many updates come."""
        return self.seconds * UPDATES_PER_SECOND


def race(plan: Plan, folder: Path, url: str) -> Verdict:
    """Let three processes share everything while they are killed in turn, and judge what happened."""
    verdict = Verdict({"seed": plan.seed})
    settings = {"PUBLIC_URL": "http://127.0.0.1:9"}  # the fake posts to each process by its own address
    with closing(Database(url)) as database, fake_telegram("--post-mode", "every") as fake:
        addresses = expect_people(fake, PEOPLE)
        _fill(database, addresses)
        three = [bot(folder, url, LEASE_SECONDS, fake, **settings) for _ in range(PROCESSES)]
        _post_to(fake, three)
        with alive(*three):
            for program in three:
                program.start()
            for program in three:
                until(program.is_healthy, *three)
            kills = _run(database, fake, three, plan)
            for program in three:
                program.end()
        chats = texts_in(fake)
        verdict.note(kills=kills, updates=plan.updates)
        _judge_broadcasts(verdict, database, chats, plan, kills)
        _judge_updates(verdict, database, chats, plan, kills)
    return verdict


def _fill(database: Database, addresses: Sequence[str]) -> None:
    """Make people and the meeting that they answer about."""
    people.fill(database, "telegram", addresses)
    draft = Draft("Rada", people.utc_now() + timedelta(days=30), "Ratusz", "", None)
    database.write(lambda session: meetings.add_meeting(session, draft, 1))


def _post_to(fake: Fake, three: Sequence[Program]) -> None:
    """Have every update posted to every process."""
    fake.post("/post_to", {"addresses": [f"{one.url}/telegram" for one in three], "mode": "every"})


def _run(database: Database, fake: Fake, three: Sequence[Program], plan: Plan) -> int:
    """Feed updates and let announcements fall due, kill meanwhile, wait for the end; return the kills."""
    begin = people.utc_now() + timedelta(seconds=BEGIN_AFTER)
    people.announce(database, [begin + timedelta(seconds=number) for number in range(plan.seconds)])
    updates = [{"text": text} for text in UPDATES]
    shape = {"people": PEOPLE, "first": FIRST, "rate": UPDATES_PER_SECOND}
    fake.post("/load", {"count": plan.updates, "updates": updates, **shape})
    kills = _kill_in_turn(three, plan)
    until(lambda: _count_receipts(database) >= plan.updates and ledger.is_drained(database), *three)
    return kills


def _kill_in_turn(three: Sequence[Program], plan: Plan) -> int:
    """Kill one process after another until the time is over; return how often."""
    chance = random.Random(plan.seed)
    latest = time.monotonic() + BEGIN_AFTER + plan.seconds
    kills = 0
    while True:
        time.sleep(chance.uniform(*plan.pauses))
        if time.monotonic() > latest:
            return kills
        victim = three[kills % len(three)]
        victim.kill()
        kills += 1
        victim.start()
        until(victim.is_healthy, *three)


def _judge_broadcasts(
    verdict: Verdict, database: Database, chats: Mapping[str, Sequence[str]], plan: Plan, kills: int
) -> None:
    """Demand that every announcement became one run, of which everybody has one message."""
    addresses = [str(FIRST + number) for number in range(PEOPLE)]
    expected = set(product(addresses, people.texts(1, plan.seconds)))
    arrived = ledger.announcements_in(chats)
    ledger.judge(verdict, database, arrived, expected, kills * ledger.UNKNOWN_PER_KILL)


def _judge_updates(
    verdict: Verdict, database: Database, chats: Mapping[str, Sequence[str]], plan: Plan, kills: int
) -> None:
    """Demand that every update was handled once: one receipt, one answer, and what it changes."""
    written = Counter(address for address, _ in _written(plan))
    verdict.demand("updates handled", _count_receipts(database), plan.updates)
    rows = _answers(database)
    answered = Counter({address: states.total() for address, states in rows.items()})
    verdict.demand("people with more or fewer answers than updates", len(_differing(answered, written)), 0)
    unknown = sum(states[State.UNKNOWN] for states in rows.values())
    verdict.demand_at_most("unknown answers", unknown, kills * ANSWERS_PER_KILL)
    wrong = [address for address, states in rows.items() if not _fits(_heard(chats[address]), states)]
    verdict.demand("people who heard more or fewer answers than were sent", len(wrong), 0)
    heard = sum(_heard(texts) for texts in chats.values())
    verdict.note(unknown_answers_that_arrived=heard - sum(states[State.SENT] for states in rows.values()))
    kept, last = _attending(database), _last_answers(plan)
    wrong = [address for address in kept.keys() | last.keys() if kept.get(address) != last.get(address)]
    verdict.demand("people whose last answer to the meeting is not kept", len(wrong), 0)


def _written(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield who writes what, in order, as tests/fake_telegram/load.py has it."""
    for number in range(plan.updates):
        yield str(FIRST + number % PEOPLE), UPDATES[number % len(UPDATES)]


def _differing(one: Counter[str], other: Counter[str]) -> set[str]:
    """Return what is not counted alike."""
    return {key for key in one.keys() | other.keys() if one[key] != other[key]}


def _heard(texts: Sequence[str]) -> int:
    """Return how many answers a chat shows."""
    return sum(text != OPENING and people.MARKER not in text for text in texts)


def _fits(heard: int, states: Counter[State]) -> bool:
    """Return whether so many answers can have arrived of those in these states."""
    return states[State.SENT] <= heard <= states[State.SENT] + states[State.UNKNOWN]


def _count_receipts(database: Database) -> int:
    """Return how many updates were handled."""
    query = select(func.count()).select_from(Receipt)
    return database.read(lambda session: session.scalar(query) or 0)


def _answers(database: Database) -> dict[str, Counter[State]]:
    """Return how many answers to each address are in which state."""
    query = select(Delivery.address, Delivery.state, func.count()).where(Delivery.run_id.is_(None))
    found = defaultdict[str, Counter[State]](Counter)
    grouped = query.group_by(Delivery.address, Delivery.state)
    for address, state, count in database.read(lambda session: session.execute(grouped).all()):
        found[address][state] = count
    return found


def _attending(database: Database) -> dict[str, Answer]:
    """Return what everybody has answered to the meeting, by address."""
    query = select(Account.address, Attendance.answer)
    joined = query.join(Attendance, Attendance.person_id == Account.person_id)
    rows = database.read(lambda session: session.execute(joined).all())
    return {str(address): answer for address, answer in rows}


def _last_answers(plan: Plan) -> dict[str, Answer]:
    """Return what everybody answered last, by address."""
    rsvps = ((address, said) for address, said in _written(plan) if said.startswith("/rsvp"))
    return {address: Answer(said.rpartition(" ")[2]) for address, said in rsvps}
