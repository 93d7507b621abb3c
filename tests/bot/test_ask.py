"""The command `ask`, as a process of its own in an empty folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

from storage.database import Database
from tests.bot.processes import call, make_store, names_in

BAD_LINES = (
    "kiedy spotkanie?",
    "{",
    "[]",
    "5",
    "null",
    '"text"',
    "{}",
    '{"text"}',
    '{"text": 5}',
    '{"id": "a", "text": null}',
    "[" * 100_000,
)

ODD_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"text": ""},
    {"text": "\ud83d"},
    {"text": "\x00\u202e\u200b"},
    {"text": "🎉" * 50},
    {"text": "<b>klaster</b>"},
    {"text": "słowo " * 20_000},
    {"id": "\ud83d", "text": "klaster"},
    {"id": {"a": [1]}, "text": "klaster", "session": {"a": [1]}},
    {"text": "klaster", "lang": "de"},
    {"text": "klaster", "lang": 5},
    {"text": "klaster", "lang": ["pl"]},
)


def ask(folder: Path, *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of `ask`."""
    done = call(folder, "ask", lines=[json.dumps(question) for question in questions])
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ask_answers_each_line_in_order_without_a_store(tmp_path: Path) -> None:
    answers = ask(
        tmp_path,
        {"id": 7, "text": "Kiedy jest następne spotkanie?"},
        {"text": "When is the next meeting?", "lang": "en"},
        {"id": "x", "text": "Czy Blachownia jest w klastrze?"},
    )
    assert [answer["id"] for answer in answers] == [7, None, "x"]
    assert [sorted(answer) for answer in answers] == [["id", "options", "score", "text", "topic"]] * 3
    assert answers[0]["topic"] == answers[1]["topic"] == "meeting_next"
    assert "spotkania" in answers[0]["text"]
    assert "meeting" in answers[1]["text"]
    assert all(0 <= answer["score"] <= 1 for answer in answers)
    assert names_in(tmp_path) == []


def test_ask_does_not_touch_the_store(tmp_path: Path) -> None:
    make_store(tmp_path)
    store = tmp_path / "aglomeracja.db"
    before = hashlib.sha256(store.read_bytes()).hexdigest(), store.stat().st_mtime_ns
    [answer] = ask(tmp_path, {"text": "Kiedy jest następne spotkanie?"})
    assert answer["topic"] == "meeting_next"
    assert (hashlib.sha256(store.read_bytes()).hexdigest(), store.stat().st_mtime_ns) == before
    assert names_in(tmp_path) == ["aglomeracja.db"]


def test_ask_keeps_the_follow_ups_of_a_session_together(tmp_path: Path) -> None:
    first, alone, again = ask(
        tmp_path,
        {"text": "Kiedy jest następne spotkanie?", "session": "a"},
        {"text": "a ilu?", "session": "b"},
        {"text": "a ilu?", "session": "a"},
    )
    assert first["topic"] == "meeting_next"
    assert again["topic"] == "meeting_attendees" != alone["topic"]


def test_ask_answers_bad_lines_and_odd_questions_and_goes_on(tmp_path: Path) -> None:
    lines = [*BAD_LINES, "", *map(json.dumps, ODD_QUESTIONS)]
    done = call(tmp_path, "ask", lines=lines)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    errors, answers = answers[: len(BAD_LINES)], answers[len(BAD_LINES) :]
    assert [list(error) for error in errors] == [["error"]] * len(BAD_LINES)
    assert [answer["id"] for answer in answers] == [question.get("id") for question in ODD_QUESTIONS]
    assert all(answer["text"] for answer in answers)


def test_ask_says_when_the_store_is_of_another_version(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'aglomeracja.db'}").engine.connect().close()
    done = call(tmp_path, "ask", lines=['{"text": "x"}'])
    assert (done.returncode, done.stdout) == (1, "")
    assert "start the bot once" in done.stderr
    assert done.stderr.count("\n") == 1
