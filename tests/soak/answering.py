"""A program that is killed again and again while many people write to it: everybody is answered, once."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from threading import Thread

from sqlalchemy import func, select

from storage.conversations import Receipt
from storage.database import Database
from tests.homeserver.handset import Handset
from tests.soak import ledger
from tests.soak.chats import Chats
from tests.soak.killing import LEASE_SECONDS, Plan
from tests.soak.programs import alive, until
from tests.soak.verdict import Verdict

Setting = Callable[[Path, str, float, int], AbstractContextManager[Chats]]
"""As `killing.Setting`, with people who write."""

MESSAGES = ("!start", "co to jest klaster", "!prywatnosc", "!spotkania", "!pomoc", "!ogloszenia")
"""What everybody writes, one after another without waiting; each has another answer."""


def kill_while_answering(setting: Setting, plan: Plan, folder: Path, url: str) -> Verdict:
    """Kill a program as often as planned while people write, and judge what they were answered."""
    verdict = Verdict({"seed": plan.seed})
    with closing(Database(url)) as database, setting(folder, url, LEASE_SECONDS, plan.people) as made:
        with alive(made.program):
            made.program.start()
            calm, *others = zip(made.people, made.addresses, strict=True)
            for text in MESSAGES:
                calm[0].writes(calm[1], text)
                calm[0].hears(calm[1])
            writing = Thread(target=_write, args=(others,))
            writing.start()
            verdict.demand("kills while answering", _kill(made, database, plan), plan.kills)
            writing.join()
            until(lambda: _is_done(database, plan.people * len(MESSAGES)), made.program)
            chats = made.chats()
            made.program.end()
        _judge(verdict, list(chats.values()))
    return verdict


def _write(people: Sequence[tuple[Handset, str]]) -> None:
    """Let everybody write everything."""
    for text in MESSAGES:
        for handset, room_id in people:
            handset.writes(room_id, text)


def _kill(made: Chats, database: Database, plan: Plan) -> int:
    """Kill and restart the program; return how often there was still something to answer."""
    chance, total, during = random.Random(plan.seed), plan.people * len(MESSAGES), 0
    for mark in Plan(total, plan.kills, plan.seed).marks(chance):
        goal = max(mark, _count_receipts(database) + 1)
        until(lambda goal=goal: _count_receipts(database) >= goal, made.program)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, made.jitter))
        made.program.kill()
        during += not _is_done(database, total)
        made.program.start()
    return during


def _is_done(database: Database, total: int) -> bool:
    """Return whether so many messages were taken and all answers have left."""
    return _count_receipts(database) >= total and ledger.is_drained(database)


def _count_receipts(database: Database) -> int:
    """Return how many messages were taken."""
    return database.read(lambda session: session.scalar(select(func.count()).select_from(Receipt)) or 0)


def _judge(verdict: Verdict, chats: Sequence[Sequence[str]]) -> None:
    """Demand that everybody was answered as the first one was, whom nothing disturbed."""
    expected = chats[0]
    verdict.note(answers=sum(len(texts) for texts in chats))
    verdict.demand("different answers", len(set(expected)), len(MESSAGES))
    verdict.demand("people with an answer twice", sum(len(set(texts)) < len(texts) for texts in chats), 0)
    verdict.demand("people without an answer", sum(not set(expected) <= set(texts) for texts in chats), 0)
    other = sum(texts != expected for texts in chats)
    verdict.demand("people with other answers, or in another order", other, 0)
