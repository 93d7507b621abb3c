"""Short runs of what `make soak` does at length: the program, as processes, killed while it sends."""

from pathlib import Path

import pytest

from tests.soak import killing, platforms, racing, takeover
from tests.soak.takeover import Blow
from tests.stores import NewStore

SEED = 20


@pytest.mark.stores("sqlite")
def test_a_broadcast_survives_kills_and_nobody_gets_it_twice(new_store: NewStore, tmp_path: Path) -> None:
    plan = killing.Plan(people=200, kills=3, seed=SEED)
    verdict = killing.kill_during_broadcast(platforms.telegram, plan, tmp_path, new_store(None))
    assert verdict.faults == []


@pytest.mark.stores("sqlite")
def test_what_is_known_again_by_its_id_arrives_once(new_store: NewStore, tmp_path: Path) -> None:
    plan = killing.Plan(people=100, kills=2, seed=SEED)
    verdict = killing.kill_during_broadcast(platforms.rooms, plan, tmp_path, new_store(None))
    assert verdict.faults == []


@pytest.mark.stores("sqlite")
def test_every_web_chat_has_a_broadcast_once_in_spite_of_kills(new_store: NewStore, tmp_path: Path) -> None:
    plan = killing.Plan(people=1_000, kills=2, seed=SEED)
    verdict = killing.kill_during_broadcast(platforms.web, plan, tmp_path, new_store(None))
    assert verdict.faults == []


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
    plan = takeover.Plan((Blow.KILLED, Blow.HUNG), lease_seconds=2.0, seed=SEED, people=60)
    assert takeover.take_over(plan, tmp_path, new_store(None)).faults == []
