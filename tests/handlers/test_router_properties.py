"""Whatever is said in whatever state: an answer that can be sent, and nothing of anybody else's changed."""

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from sqlalchemy import select

import handlers
from handlers.dialogue.command import Role
from handlers.dialogue.markup import TAGS, clean_markup, plain
from handlers.dialogue.message import MAX_OPTIONS, MAX_VALUE_BYTES, Outgoing
from handlers.questions.library import Library
from storage.database import Base, Session
from storage.people import Account
from tests.handlers.test_joining import apply
from tests.handlers.test_meetings import plan
from tests.stores import new_file
from tests.talk import House, Somebody, fresh

SORRY = ("Coś poszło nie tak", "Something went wrong")
STEP = timedelta(seconds=3)
"""So long a person waits between two messages: nobody is asked to slow down."""

ROUTER = handlers.build_router(Library())
NAMES = sorted({name for command in ROUTER.commands for name in (command.polish, command.english)})
FILLED = (
    ("/nowe_spotkanie", "Rada Klastra", "1.12.2027 17:00", "Ratusz", "Budżet", "30", "/change"),
    ("/nowe_ogloszenie", "Uwaga", "Wszyscy", "1.12.2027 17:00", "Co tydzień", "/change"),
    ("/nowe_ogloszenie", "Uwaga", "Uczestnicy spotkania", "/wybierz", "Teraz"),
    ("/zglos", "Zorza", "Anna Nowak", "a@b.pl", "woda", "Zgadzam się", "/change"),
    ("/imie",),
)
STATES = [(), *(said[:n] for said in FILLED for n in range(1, len(said) + 1))]

GARBAGE = (
    "",
    "-1",
    "9" * 3_900,
    "2147483648",
    "0" * 40 + "1",
    "²",
    "1; DROP TABLE person; --",
    "' OR '1'='1",
    "<b>1</b>",
    "1 yes no",
    "1  yes",
    "1\tyes\t",
    "abcdef title",
    "\x00",
    "💥",
    "{names}",
    "a" * 57,
)
PASSING = {"receipt", "rate_limit", "delivery", "conversation", "claim"}
"""The tables of what every message leaves behind, and of codes: one's own are made and all come to an end."""


class Balance(HTMLParser):
    """Fails on any tag outside our subset and on one that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        assert tag in TAGS
        assert {name for name, _ in attrs} <= ({"href"} if tag == "a" else set())
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element opened last."""
        assert self.open.pop() == tag


def check(answer: Outgoing) -> None:
    """Check that a message can be sent and read."""
    text = plain(answer.text)
    assert text.strip()
    assert not text.startswith(SORRY)
    balance = Balance()
    balance.feed(str(answer.text))
    balance.close()
    assert balance.open == []
    assert len(answer.options) <= MAX_OPTIONS
    assert all(0 < len(option.value.encode()) <= MAX_VALUE_BYTES for option in answer.options)
    assert all(0 < len(option.label) <= 50 for option in answer.options)
    assert Outgoing.from_json(answer.to_json()) == answer


def hand_in(house: House, somebody: Somebody, **what: Any) -> list[Outgoing]:
    """Let somebody do something a little later, and return the answers once they are checked."""
    house.now += STEP
    answers = house.handle(somebody.incoming(**what))
    somebody.seen += answers
    for answer in answers:
        check(answer)
    return answers


def reach(house: House, somebody: Somebody, state: tuple[str, ...]) -> None:
    """Bring a conversation into a state: no form, or a form filled in so far."""
    hand_in(house, somebody, text="/anuluj")
    for text in state:
        chosen = somebody.seen[-1].options[0].value if text == "/wybierz" else text
        assert hand_in(house, somebody, text=chosen)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give one bot for all examples: a new one for each would take too long."""
    made = House(new_file(tmp_path_factory.mktemp("house"), fresh))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def ewa(house: House) -> Somebody:
    """Give a coordinator of a meeting with the longest title."""
    ewa = house.coordinator()
    plan(ewa, title="Ż&" * 60, when="1.12.2027 17:00")
    return ewa


# ---- any text in any state ---------------------------------------------------------------------------------

LABELS = ("Anuluj", "Wstecz", "Pomiń", "Zmień", "Menu", "Teraz", "Wszyscy", "kiedy", "jutro 9:00")
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="\u200d\u200b\u202e\ufe0f\u0301\u3164\u2800🏳️👩💥\n\t\x00\ud800 a<&>", max_size=40),
    st.builds("/{} {}".format, st.sampled_from(NAMES), st.one_of(st.text(max_size=60), st.just(""))),
    st.builds("{}{}".format, st.sampled_from(["", "/", "!", "/start m"]), st.sampled_from(GARBAGE)),
    st.sampled_from(LABELS),
)
WAYS = st.sampled_from(["typed", "pressed", "formatted", "with a photo"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.sampled_from(STATES), text=TEXTS, way=WAYS)
@example(state=(), text="\u202e\u200d", way="typed")
@example(state=("/nowe_ogloszenie",), text="<b>a</i>" * 200, way="formatted")
def test_any_text_in_any_state_is_answered(
    house: House, ewa: Somebody, state: tuple[str, ...], text: str, way: str
) -> None:
    reach(house, ewa, state)
    what = {
        "typed": {"text": text},
        "pressed": {"pressed": text, "message_ref": "1"},
        "formatted": {"text": text, "markup": clean_markup(text)},
        "with a photo": {"text": text, "attachment": "photo"},
    }[way]
    assert hand_in(house, ewa, **what)
    assert hand_in(house, ewa, text="kiedy następne spotkanie?")


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_cleaned_markup_is_balanced_and_of_our_tags_only(text: str, link: str) -> None:
    dirty = f'<b>{text}<a href="{link}">{text}</b><strong><p onclick="x">{link}'
    check(Outgoing(Markup(".") + clean_markup(dirty)))


# ---- forged values -----------------------------------------------------------------------------------------


def facts(house: House, but: Somebody) -> list[Any]:
    """Return everything in the store but what messages leave behind and what is one person's own."""

    def work(session: Session) -> list[Any]:
        mine = session.scalars(select(Account.person_id).where(Account.sender == but.sender)).one()
        return [
            (table.name, *row)
            for table in Base.metadata.sorted_tables
            if table.name not in PASSING
            for row in session.execute(table.select())
            if row._mapping.get("id" if table.name == "person" else "person_id") != mine
        ]

    return house.database.read(work)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a bot with a meeting, an answer to it, an application and an announcement to come."""
    made = House(new_file(tmp_path_factory.mktemp("full"), fresh))
    ewa, anna = made.coordinator("Ewa"), made.person("Anna")
    plan(ewa, when="1.12.2027 17:00")
    anna.says("/rsvp 1 yes")
    apply(anna)
    anna.says("/confirm")
    for text in ("/nowe_ogloszenie", "Dzień dobry", "Wszyscy", "1.12.2027 17:00", "Raz", "/confirm"):
        ewa.says(text)
    yield made
    made.database.close()


def test_a_forged_value_is_answered_and_changes_nothing_of_others(full: House) -> None:
    for jan in (full.person("Jan"), full.coordinator("Jan Kierownik")):
        hand_in(full, jan, text="/start")
        before = facts(full, jan)
        for command in ROUTER.commands:
            for arguments in GARBAGE:
                line = f"/{command.english} {arguments}"
                short = len(line.encode()) <= MAX_VALUE_BYTES
                answers = hand_in(full, jan, **({"pressed": line} if short else {"text": line}))
                assert 1 <= len(answers) <= 2, line
            hand_in(full, jan, text="/anuluj")
        assert facts(full, jan) == before


def test_nobody_but_a_coordinator_does_a_coordinators_thing(full: House) -> None:
    jan = full.person("Jan Obcy")
    hand_in(full, jan, text="/start")
    before = facts(full, jan)
    names = [command.english for command in handlers.COMMANDS if command.role is Role.COORDINATOR]
    for line in (f"/{name} {arguments}".strip() for name in names for arguments in ("", "1", "1 yes")):
        for what in ({"text": line}, {"pressed": line, "message_ref": "1"}):
            [answer] = hand_in(full, jan, **what)
            assert plain(answer.text) == "To może zrobić tylko koordynator."
    assert facts(full, jan) == before
