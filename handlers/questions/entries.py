"""The knowledge as plain values, and the knowledge that the program ships with."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).parent / "knowledge"
"""The folder of the knowledge that is loaded into an empty store."""

ORGANISATIONS = "organisations.toml"

KINDS = frozenset({"fact", "unknown", "howto", "smalltalk", "live", "boundary"})
"""What an entry can be; a "live" one's answer is only said when the store has nothing to say."""

MAX_LABEL = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said on one topic in one language.

    `topic` is "family" or "family.detail"; `kind` is one of `KINDS`; `label` fits on a button; `phrasings`
    are questions as people type them; `answer` is markup, in which "{names}" stands for organisations.
    `source` and `as_of` (a day as people say it) tell where the answer comes from; both may be empty.
    """

    topic: str
    kind: str
    locale: str
    label: str
    phrasings: tuple[str, ...]
    answer: str
    source: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind, a label that is too long or an empty answer."""
        if self.kind not in KINDS:
            raise ValueError(f"{self.topic}: no such kind of entry: {self.kind!r}")
        if not 0 < len(self.label) <= MAX_LABEL:
            raise ValueError(f"{self.topic}: a label has 1 to {MAX_LABEL} characters: {self.label!r}")
        if not self.answer.strip():
            raise ValueError(f"{self.topic}: the answer is empty")


@dataclass(frozen=True, slots=True)
class Listed:
    """An organisation known to take part: its name, the words people use for it, the topic it belongs to."""

    name: str
    aliases: tuple[str, ...]
    kind: str


def family(topic: str) -> str:
    """Return the family of a topic: "unknown_cluster" for "unknown_cluster.voting"."""
    return topic.partition(".")[0]


def load_shipped() -> tuple[tuple[Entry, ...], tuple[Listed, ...]]:
    """Return the entries and the organisations of the shipped files; raises ValueError for a bad one."""
    entries = [
        entry
        for path in sorted(SHIPPED.glob("*.toml"))
        if path.name != ORGANISATIONS
        for entry in _entries(tomllib.loads(path.read_text(encoding="utf-8")))
    ]
    rows = tomllib.loads((SHIPPED / ORGANISATIONS).read_text(encoding="utf-8"))["organisation"]
    return tuple(entries), tuple(Listed(row["name"], tuple(row["aliases"]), row["kind"]) for row in rows)


def _entries(document: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entries of one file; its tables "source" and "as_of" hold for every fact in it."""
    sources, days = document.get("source", {}), document.get("as_of", {})
    for topic, table in document.items():
        if topic in {"source", "as_of"}:
            continue
        fact = table["kind"] == "fact"
        for locale, said in table.items():
            if locale != "kind":
                origin = (sources.get(locale, ""), days.get(locale, "")) if fact else ("", "")
                yield _entry(topic, table["kind"], locale, said, origin)


def _entry(topic: str, kind: str, locale: str, said: Mapping[str, str], origin: tuple[str, str]) -> Entry:
    """Return one entry; phrasings stand one to a line."""
    phrasings = tuple(line.strip() for line in said["phrasings"].splitlines() if line.strip())
    return Entry(topic, kind, locale, said["label"], phrasings, said["answer"].strip(), *origin)
