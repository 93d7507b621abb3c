"""What is measured of each program: rounds in alternating order, so that a busy machine is so for all."""

import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bot.app import open_database
from bot.config import Settings
from storage.database import Session
from storage.meetings import Draft, add_meeting
from storage.people import add_person
from tests.bench.programs import AIOGRAM, BOT, PTB, ROOT, Fake, Process, bot, fake_telegram, program

ROUNDS = 3
PROGRAMS = (BOT, PTB, AIOGRAM)
WAYS = ("polling", "webhook")

PEOPLE = 500
"""So many that nobody writes faster than the bot allows or has two messages under way; not a multiple of
three, so that nobody presses the same of three buttons twice running."""

AT_ONCE = 600
"""Updates in a run that goes as fast as the program can."""

RATE, AT_RATE = 50, 200
"""Updates a second, and how many, in the run that times the replies."""

IDLE_SECONDS = 2.0


@dataclass
class Figures:
    """Every figure measured, by what it is of, and then by program with one number a round."""

    rounds: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, what: str, name: str, number: float) -> None:
        """Note one round's number."""
        self.rounds[what].setdefault(name, []).append(number)

    def of(self, what: str, name: str = BOT) -> float:
        """Return the median."""
        return median(self.rounds[what][name])

    def ratio(self, what: str, other: str) -> float:
        """Return the median of the rounds' ratios of the bot to another program."""
        pairs = zip(self.rounds[what][BOT], self.rounds[what][other], strict=True)
        return median(mine / theirs for mine, theirs in pairs)


def measure() -> Iterator[Figures]:
    """Measure everything; yields the figures so far after each step."""
    figures = Figures()
    with TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        meeting = _make_store(store)
        for number in range(ROUNDS):
            turn = number % len(PROGRAMS)
            for name in PROGRAMS[turn:] + PROGRAMS[:turn]:
                for way in WAYS:
                    _measure_talk(figures, name, way, store, meeting)
                    yield figures
            _measure_start(figures)
            yield figures


def questions() -> list[str]:
    """Return the first question on each topic, in Polish and in English."""
    topics = tomllib.loads((ROOT / "tests/handlers/questions.toml").read_text(encoding="utf-8"))
    return [asked[0] for locale in ("pl", "en") for asked in topics[locale].values()]


def _make_store(path: Path) -> int:
    """Make a store as after the first start, with one meeting in it; return the meeting's number."""
    database = open_database(Settings(_env_file=None, database_url=f"sqlite:///{path}"))  # type: ignore[call-arg]
    now = datetime.now(UTC)

    def work(session: Session) -> int:
        coordinator = add_person(session, "Anna Nowak", "pl", now)
        draft = Draft("Rada Klastra", now + timedelta(days=7), "Ratusz, sala 1", "Woda i odpady", None)
        return add_meeting(session, draft, coordinator.id).id

    meeting = database.write(work)
    database.close()
    return meeting


def _measure_talk(figures: Figures, name: str, way: str, store: Path, meeting: int) -> None:
    """Measure one program with its messages coming in one way: how many, how dear, how soon."""
    asked = [{"text": text} for text in questions()]
    pressed = [{"press": f"/rsvp {meeting} {answer}"} for answer in ("yes", "maybe", "no")]
    with (
        TemporaryDirectory() as folder,
        fake_telegram() as fake,
        program(name, fake, Path(folder), webhook=way == "webhook", store=store) as process,
    ):
        fake.feed({"count": PEOPLE, "people": PEOPLE, "updates": asked})  # everybody is known from here on
        _measure_rush(figures, f"question, {way}", name, fake, process, asked)
        _measure_rush(figures, f"press, {way}", name, fake, process, pressed)
        report = fake.feed({"count": AT_RATE, "rate": RATE, "people": PEOPLE, "updates": asked})
        for figure in ("p50", "p99"):
            figures.note(f"{figure} of a reply at {RATE}/s, {way}", name, report[f"{figure}_ms"])
        if name == BOT:
            figures.note("memory after the load", name, process.memory())


def _measure_rush(  # noqa: PLR0913, PLR0917
    figures: Figures, what: str, name: str, fake: Fake, process: Process, updates: list[dict[str, Any]]
) -> None:
    """Measure updates a second and CPU seconds for a thousand of them."""
    before = process.cpu()
    report = fake.feed({"count": AT_ONCE, "people": PEOPLE, "updates": updates})
    time.sleep(0.1)  # outcomes of the last replies may still be on their way into the store
    figures.note(f"{what}: updates/s", name, report["per_second"])
    figures.note(f"{what}: CPU s per 1,000", name, (process.cpu() - before) * 1_000 / AT_ONCE)


def _measure_start(figures: Figures) -> None:
    """Measure the first start, with an empty folder, a second one, and what the bot holds when idle."""
    with TemporaryDirectory() as folder, fake_telegram() as fake:
        for which in ("first", "next"):
            with bot(fake, Path(folder)) as (process, seconds):
                figures.note(f"{which} start until ready", BOT, seconds)
                time.sleep(IDLE_SECONDS)
                figures.note(f"memory when idle, {which} start", BOT, process.memory())
