"""Kills the program in every way that it has to survive, and prints what came of it: `python -m tests.soak`.

It takes about ten minutes where nothing else runs. A name as an argument runs only the scenarios which have
it in theirs, --seed N repeats the kills of an earlier run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.postgres import Server, postgres_server
from tests.soak import answering, chats, killing, platforms, racing, takeover
from tests.soak.takeover import Blow
from tests.soak.verdict import Verdict
from tests.stores import new_file

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"

Scenario = Callable[[Path, str], Verdict]
"""Runs in an empty folder, on the empty store with a URL."""

PEOPLE = 3_000
CHATS, WRITING = 100, 20
"""How many people have a chat on Synapse, and how many of them write."""

MANY, FEWER = 25, 10
"""How often a program is killed during a broadcast."""

RACE = (120, (1.0, 3.0))
BLOWS = (Blow.KILLED, Blow.HUNG, Blow.HUNG_INSIDE) * 2
LEASE_SECONDS = 10.0


def main() -> int:
    """Run the scenarios and print their figures; return 1 when one found a fault."""
    parser = argparse.ArgumentParser(description="Crashes, races and take-overs of the whole program.")
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    chosen = parser.parse_args()
    with postgres_server() as server:
        found = [
            run(name, scenario, server) for name, scenario in scenarios(chosen.seed) if chosen.name in name
        ]
    return 0 if all(found) else 1


def scenarios(seed: int) -> Iterator[tuple[str, Scenario]]:
    """Yield every scenario, by its name and the store that it runs on."""
    for name, setting, kills in (
        ("Telegram", platforms.telegram, MANY),
        ("web chat", platforms.web, FEWER),
        ("transaction ids", platforms.rooms, FEWER),
    ):
        plan = killing.Plan(PEOPLE, kills, seed)
        for store in (SQLITE, POSTGRESQL):
            yield f"{name}, {store}", partial(killing.kill_during_broadcast, setting, plan)
    for name, scenario, people in (
        ("announcement in encrypted chats", killing.kill_during_broadcast, CHATS),
        ("answers in encrypted chats", answering.kill_while_answering, WRITING),
    ):
        plan = killing.Plan(people, FEWER, seed)
        for store in (SQLITE, POSTGRESQL):
            yield f"{name}, {store}", partial(scenario, chats.synapse, plan)
    yield f"race, {POSTGRESQL}", partial(racing.race, racing.Plan(*RACE, seed))
    blows = takeover.Plan(BLOWS, LEASE_SECONDS, seed)
    yield f"take-over, {POSTGRESQL}", partial(takeover.take_over_in_time, blows)


def run(name: str, scenario: Scenario, server: Server) -> bool:
    """Run a scenario and print what it found; return whether that is as demanded."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as name_of_folder:
        folder = Path(name_of_folder)
        url = new_file(folder, None) if name.endswith(SQLITE) else server.new_database(None)
        verdict = scenario(folder, url)
    verdict.note(took=f"{time.monotonic() - began:.0f} s")
    sys.stdout.write("\n".join([name, *verdict.lines(), "", ""]))
    sys.stdout.flush()
    return not verdict.faults


if __name__ == "__main__":
    sys.exit(main())
