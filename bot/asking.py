"""The command `ask`: answers questions from standard input, without a channel and without writing."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from bot.app import open_database, utc_now
from bot.config import Settings
from handlers.dialogue.texts import texts_for
from handlers.questions.library import Library
from handlers.questions.live import Asker
from handlers.questions.replying import Reply, reply_to, to_json
from storage import migrate
from storage.database import Database, Session

REMEMBERED = 10_000
"""How many sessions' last topics are kept for follow-up questions."""


def answer_lines(settings: Settings, source: TextIO, sink: TextIO) -> int:
    """Answer each JSON line of `source` with one of `sink`, flushed; return the exit status.

    A line is {"id", "text", "session", "lang"}, only "text" required. The answer is {"id", "text", "topic",
    "score", "options"}; a line that is no such object is answered with {"error"}.
    """
    library = Library()
    topics: OrderedDict[str, str | None] = OrderedDict()
    with _store(settings) as database:
        for line in source:
            if line.strip():
                answer = _answer(database, library, topics, line, settings)
                print(_to_line(answer), file=sink, flush=True)
    return 0


@contextmanager
def _store(settings: Settings) -> Iterator[Database]:
    """Give the store, or where there is none yet a passing one with the shipped knowledge."""
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        with TemporaryDirectory() as folder:
            passing = settings.model_copy(update={"database_url": f"sqlite:///{Path(folder) / 'ask.db'}"})
            database = open_database(passing)
            yield database
            database.close()
        return
    if not migrate.is_current(database):
        raise SystemExit("The database is of another version: start the bot once, it brings it up to date.")
    yield database
    database.close()


def _to_line(answer: dict[str, Any]) -> str:
    """Return an answer as one line of JSON; half an emoji, which UTF-8 cannot hold, becomes an escape."""
    line = json.dumps(answer, ensure_ascii=False)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def _answer(
    database: Database,
    library: Library,
    topics: OrderedDict[str, str | None],
    line: str,
    settings: Settings,
) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        asked = json.loads(line)
        text = asked["text"]
    except (ValueError, TypeError, KeyError, RecursionError):
        text = None
    if not isinstance(text, str):
        return {"error": 'expected a JSON object with a "text"'}
    session_id = str(asked.get("session", ""))
    previous = topics.get(session_id) if session_id else None
    language = asked.get("lang")
    texts = texts_for(language if isinstance(language, str) else None, settings.zone)
    asker = Asker(None, texts, utc_now())
    reply = database.read(partial(_reply, library, text, asker, previous))
    if session_id:
        topics[session_id] = reply.finding.topic
        topics.move_to_end(session_id)
        if len(topics) > REMEMBERED:
            topics.popitem(last=False)
    return {"id": asked.get("id")} | to_json(reply)


def _reply(library: Library, text: str, asker: Asker, previous: str | None, session: Session) -> Reply:
    """Answer one question inside a reading transaction."""
    return reply_to(session, library.current(session), text, asker, previous)
