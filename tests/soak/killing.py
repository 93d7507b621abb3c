"""A broadcast whose program is killed again and again: it arrives once, or the ledger does not know."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from storage.database import Database
from tests.soak import ledger, people
from tests.soak.platforms import Platform
from tests.soak.programs import alive, until
from tests.soak.verdict import Verdict

Setting = Callable[[Path, str, float, int], AbstractContextManager[Platform]]
"""Makes a platform: with a folder, a store's URL, the seconds of a lease and the number of people."""

LEASE_SECONDS = 2.0


@dataclass(frozen=True)
class Plan:
    """To how many people a broadcast goes, how often its program is killed meanwhile, and when: by `seed`."""

    people: int
    kills: int
    seed: int

    def marks(self, chance: random.Random) -> list[int]:
        """Return after how many messages the program is killed; some are left for the last process."""
        return sorted(chance.sample(range(1, self.people * 2 // 3), self.kills))


def kill_during_broadcast(setting: Setting, plan: Plan, folder: Path, url: str) -> Verdict:
    """Kill a program as often as planned while it sends a broadcast, and judge what arrived."""
    verdict = Verdict({"seed": plan.seed})
    with closing(Database(url)) as database, setting(folder, url, LEASE_SECONDS, plan.people) as platform:
        people.fill(database, platform.channel, platform.addresses)
        [text] = people.announce(database, [people.utc_now()])
        with alive(platform.program):
            verdict.demand("kills during the broadcast", _kill(platform, database, plan), plan.kills)
            until(partial(ledger.is_drained, database), platform.program)
            arrived = ledger.announcements_in(platform.chats())
            platform.program.end()
        expected = {(address, text) for address in platform.addresses}
        most = plan.kills * ledger.UNKNOWN_PER_KILL if platform.loses else 0
        ledger.judge(verdict, database, arrived, expected, most)
    return verdict


def _kill(platform: Platform, database: Database, plan: Plan) -> int:
    """Kill and restart the program; return how often there was still something to send."""
    chance = random.Random(plan.seed)
    during = 0
    platform.program.start()
    for mark in plan.marks(chance):
        goal = max(mark, ledger.count_settled(database) + 1)
        until(lambda goal=goal: ledger.count_settled(database) >= goal, platform.program)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, platform.jitter))
        platform.program.kill()
        during += not ledger.is_drained(database)
        platform.program.start()
    return during
