"""Our messages as Telegram shows them: texts cut to its limit, options as a keyboard for phones."""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile

from handlers.dialogue.message import Option

TEXT_LIMIT = 4096
"""Bot API: "1-4096 characters after entities parsing"; counted here in UTF-16 units, the stricter."""

CAPTION_LIMIT = 1024
"""Bot API, sendPhoto: "0-1024 characters after entities parsing", counted likewise."""

SHORT_LABEL = 10
"""Labels up to so many characters share a row."""

ROW = 3
"""How many short labels fit side by side on a phone."""

Keyboard = list[list[dict[str, str]]]

_TOKEN = re.compile(r"<(/?)(\w+)[^>]*>|&#?\w+;|[^<&]+|[<&]")
# From the best place to the worst; a no-break space is not one.
_BOUNDARIES = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])[ \t]|(?<=[.!?…][\"”’)])[ \t]"),
    re.compile(r"[ \t]"),
)
# Blank lines, or blanks in a line: not both, for the indentation of a line of code is part of it.
_BLANK = re.compile(r"(?:[ \t]*\n)+|[ \t]+")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_LONGEST_CLUSTER = 64


def keyboard(options: Sequence[Option]) -> Keyboard:
    """Return the inline keyboard for `options`: short labels up to three in a row, others one a row."""
    rows: Keyboard = []
    for short, run in groupby(options, key=lambda option: len(option.label) <= SHORT_LABEL):
        buttons = [{"text": option.label, "callback_data": option.value} for option in run]
        width = ROW if short else 1
        rows += [buttons[start : start + width] for start in range(0, len(buttons), width)]
    return rows


def split(markup: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Return clean `markup` in parts whose visible text has at most `limit` UTF-16 units each.

    Cuts at the end of a paragraph, else a line, a sentence, a word, else anywhere but inside what is seen
    as one character. Tags open at a cut are closed and opened again; white space at a cut is dropped.
    """
    if 2 * len(markup) <= limit:  # a character takes at most two units
        return [markup]
    text, tags = _parse(markup)
    if utf16_length(text) <= limit:
        return [markup]
    writer = _Writer(text, tags)
    return [writer.part(start, end) for start, end in _ranges(text, limit)]


def utf16_length(text: str) -> int:
    """Return how many UTF-16 units `text` takes, which is how Telegram counts."""
    return len(text) if not text or max(text) <= "\uffff" else len(text) + sum(c > "\uffff" for c in text)


def _parse(markup: str) -> tuple[str, list[tuple[int, str, str]]]:
    # The visible text, and the tags as (place in it, name or "" when it closes, source).
    pieces: list[str] = []
    tags: list[tuple[int, str, str]] = []
    at = 0
    for token in _TOKEN.finditer(markup):
        if token[2]:
            tags.append((at, "" if token[1] else token[2], token[0]))
            continue
        piece = html.unescape(token[0]) if token[0].startswith("&") else token[0]
        pieces.append(piece)
        at += len(piece)
    return "".join(pieces), tags


def _ranges(text: str, limit: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = _cut(text, start, start + _fitting(text[start : start + limit], limit))
        if not text[start:end].isspace():  # Telegram refuses a text of nothing but blanks
            yield start, end
        blank = _BLANK.match(text, end)
        start = blank.end() if blank else end


def _fitting(text: str, limit: int) -> int:
    # How many characters of `text` fit into `limit` units; at least one.
    if utf16_length(text) <= limit:
        return len(text)
    units = text.encode("utf-16-le", "replace")[: 2 * limit]
    return max(1, len(units.decode("utf-16-le", "ignore")))


def _cut(text: str, start: int, end: int) -> int:
    if end >= len(text):
        return len(text)
    # The blank after the last word that fits counts as well. A part under a quarter would look torn.
    earliest = start + (end - start) // 4
    for boundary in _BOUNDARIES:
        ends = [found.start() for found in boundary.finditer(text, earliest, end + 1)]
        if ends and ends[-1] > start:
            return ends[-1]
    return _between_characters(text, start, end)


def _between_characters(text: str, start: int, end: int) -> int:
    for at in range(end, max(start, end - _LONGEST_CLUSTER), -1):
        if not _belongs_together(text, at):
            return at
    return end


def _belongs_together(text: str, at: int) -> bool:
    # Whether the characters on both sides of `at` are seen as one (accents, skin tones, families, flags).
    after = text[at]
    if text[at - 1] == "\u200d" or after in _JOINERS or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return _is_flag_letter(after) and _flag_letters_before(text, at) % 2 == 1


def _flag_letters_before(text: str, at: int) -> int:
    return len(list(takewhile(_is_flag_letter, reversed(text[max(0, at - _LONGEST_CLUSTER) : at]))))


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


class _Writer:
    # Writes ranges of the visible text, in order, back as markup.

    def __init__(self, text: str, tags: list[tuple[int, str, str]]) -> None:
        self._text = text
        self._tags = tags
        self._next = 0
        self._open: list[tuple[str, str]] = []

    def part(self, start: int, end: int) -> str:
        # What was opened and closed in the blank before `start` shows nothing.
        self._skip_to(start)
        written = [source for _, source in self._open]
        at = start
        while self._next < len(self._tags) and self._belongs(end):
            place = max(self._tags[self._next][0], at)
            written += [html.escape(self._text[at:place], quote=False), self._take()]
            at = place
        written.append(html.escape(self._text[at:end], quote=False))
        written += [f"</{name}>" for name, _ in reversed(self._open)]
        return "".join(written)

    def _belongs(self, end: int) -> bool:
        place, name, _ = self._tags[self._next]
        return place < end or (place == end and (not name or end == len(self._text)))

    def _skip_to(self, start: int) -> None:
        while self._next < len(self._tags):
            place, name, _ = self._tags[self._next]
            if place > start or (place == start and name):
                return
            self._take()

    def _take(self) -> str:
        _, name, source = self._tags[self._next]
        self._next += 1
        if name:
            self._open.append((name, source))
        elif self._open:
            self._open.pop()
        return source
