"""However often a message is edited: in the end it is as if only the last wording had been written, once."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from handlers.dialogue.markup import plain
from handlers.dialogue.message import Kind, Outgoing
from storage.conversations import Conversation
from storage.people import Account
from tests.handlers.test_meetings import plan
from tests.handlers.test_router_properties import STEP
from tests.stores import new_file
from tests.talk import House, Somebody, fresh

STATES: tuple[tuple[str, ...], ...] = (
    (),
    ("/spotkania",),
    ("kto jest przewodniczącym rady",),
    ("/imie",),
    ("/zglos",),
    ("/zglos", "Zorza"),
    ("/zglos", "Zorza", "Anna Nowak", "a@b.pl", "woda"),
    ("/zglos", "Zorza", "Anna Nowak", "a@b.pl", "woda", "1"),
)
TEXTS = (
    "co to jest klaster",
    "a gdzie?",
    "Zorza Nowa",
    "600 700 800",
    "?!",
    "1",
    "2",
    "Może",
    "/spotkania",
    "/pomoc",
    "/imie",
    "/zglos",
    "/nieznane",
    "/rsvp 1 yes",
    "/rsvp 1 no",
    "",
    "x" * 5_000,
)
MOST_ANSWERS = 2
"""So many messages answer one at most."""
COUNT = re.compile(r"Będ\w+ \d+ os\w+\.")
TOKEN = re.compile(r"(/(?:pick|skip|back|cancel|confirm|change) )[0-9a-f]{6}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give one bot with a meeting for all examples."""
    made = House(new_file(tmp_path_factory.mktemp("house"), fresh))
    plan(made.coordinator())
    yield made
    made.database.close()


def twice(house: House, somebody: Somebody, **what: Any) -> list[Outgoing]:
    """Hand something in, and once more to no effect; return the answers."""
    house.now += STEP
    incoming = somebody.incoming(**what)
    answers = house.handle(incoming)
    assert house.handle(incoming) == []
    return answers


def state_of(house: House, somebody: Somebody) -> tuple[Any, ...]:
    """Return what a conversation is, without what is fresh each time."""
    query = house.database.read(
        lambda session: (
            session.query(Conversation).join(Account).filter(Account.sender == somebody.sender).one()
        )
    )
    form = {name: value for name, value in query.form.items() if name != "token"}
    return form, query.topic, TOKEN.sub(r"\1", str(query.offered))


def sets(text: str, state: tuple[str, ...]) -> bool:
    """Return whether a text answers the meeting."""
    return text.startswith("/rsvp") or (state == ("/spotkania",) and text in {"1", "2", "Może"})


def texts_of(answers: list[Outgoing]) -> list[str]:
    """Return what is said, without how many others come."""
    return [COUNT.sub("", plain(answer.text)) for answer in answers]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.sampled_from(STATES), texts=st.lists(st.sampled_from(TEXTS), min_size=2, max_size=5))
@example(state=("/zglos", "Zorza"), texts=["/imie", "Anna Nowak"])
@example(state=("/spotkania",), texts=["1", "2", "Może", "1"])
@example(state=("/spotkania",), texts=["/rsvp 1 yes", "1"])
@example(state=("/spotkania",), texts=["Zorza Nowa", "a gdzie?", "/pomoc", "/imie", "1"])
@example(state=("kto jest przewodniczącym rady",), texts=["co to jest klaster", "1"])
@example(state=("/imie",), texts=["/spotkania", "co to jest klaster", "/spotkania"])
@example(state=("/zglos",), texts=["Zorza", "?!", "/nieznane", "", "Zorza Nowa"])
def test_the_last_wording_counts(house: House, state: tuple[str, ...], texts: list[str]) -> None:
    assume(len(state) < len(STATES[-1]) or "1" not in texts)  # what is sent is sent
    anna, jan = house.person("Anna"), house.person("Anna")
    for somebody in (anna, jan):
        for said in state:
            house.now += STEP
            somebody.says(said)
    *first, last = texts
    expected = twice(house, jan, text=last, ref="m")
    before = len(anna.screen())
    answers = twice(house, anna, text=first[0], ref="m")
    for old, new in pairwise(texts):
        answers = twice(house, anna, text=new, ref="m", kind=Kind.EDITED)
        assert bool(answers) == (new != old)
    assert state_of(house, anna) == state_of(house, jan)
    if last != first[-1] and not any(sets(text, state) and not sets(last, state) for text in first):
        assert texts_of(answers) == texts_of(expected)
    if not any(sets(text, state) for text in texts):
        assert len(anna.screen()) <= before + MOST_ANSWERS
    assert twice(house, anna, text=last, ref="m", kind=Kind.EDITED) == []
