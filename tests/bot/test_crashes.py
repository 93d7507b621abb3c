"""Short runs of what `make soak` does at length: the program, as processes, killed while it sends."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.homeserver.synapse import Homeserver
from tests.soak import answering, chats, killing, platforms, racing, takeover
from tests.soak.killing import Setting
from tests.soak.takeover import Blow
from tests.soak.verdict import Verdict
from tests.stores import NewStore

SEED = 20


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize(
    ("setting", "people", "kills"),
    [(platforms.telegram, 200, 3), (platforms.rooms, 100, 2), (platforms.web, 1_000, 2)],
    ids=["Telegram", "transaction ids", "web chat"],
)
def test_a_broadcast_survives_kills_and_nobody_gets_it_twice(
    new_store: NewStore, tmp_path: Path, setting: Setting, people: int, kills: int
) -> None:
    plan = killing.Plan(people, kills, SEED)
    assert killing.kill_during_broadcast(setting, plan, tmp_path, new_store(None)).faults == []


@pytest.mark.parametrize(
    ("scenario", "people"),
    [(killing.kill_during_broadcast, 30), (answering.kill_while_answering, 6)],
    ids=["announcement", "answers"],
)
def test_in_encrypted_chats_everything_arrives_once(
    homeserver: Homeserver,
    new_store: NewStore,
    tmp_path: Path,
    scenario: Callable[[Setting, killing.Plan, Path, str], Verdict],
    people: int,
) -> None:
    plan = killing.Plan(people, kills=3, seed=SEED)
    setting = partial(chats.chats_on, homeserver)
    assert scenario(setting, plan, tmp_path, new_store(None)).faults == []


@pytest.mark.stores("postgresql")
def test_three_processes_which_are_killed_in_turn_do_everything_once(
    new_store: NewStore, tmp_path: Path
) -> None:
    plan = racing.Plan(seconds=3, pauses=(0.5, 1.0), seed=SEED)
    assert racing.race(plan, tmp_path, new_store(None)).faults == []


@pytest.mark.stores("postgresql")
def test_another_process_takes_the_place_of_one_that_was_killed_or_hangs(
    new_store: NewStore, tmp_path: Path
) -> None:
    plan = takeover.Plan((Blow.KILLED, Blow.HUNG), lease_seconds=3.0, seed=SEED)
    assert takeover.take_over(plan, tmp_path, new_store(None)).faults == []
