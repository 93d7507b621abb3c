"""Typed text made comparable: folded letters, words, and the clauses of a message."""

import re

MAX_CHARACTERS = 600
"""How much of a message is read: a question is shorter, and a pasted book must cost nothing."""

_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[.!?;:\n]+(?:\s|$)|\s[–—-]\s")
_JOINT = re.compile(
    r"(?:[.!?;,\n]+\s*|\s[–—-]\s|\s)(?:i|oraz|a|ale|and|but|also|plus)\s(?:tez\s)?|[.!?;,\n]+\s*|\s[–—-]\s",
    re.IGNORECASE,
)
_ASKING = r"(?:kiedy|gdzie|kto|ile|ilu|jak|po co|o ktorej|when|where|who|how)"
_DOUBLE = re.compile(rf"^\W*({_ASKING})\s+(?:i|oraz|and)\s+({_ASKING})\s+(.+)$", re.DOTALL)
_GREETING = re.compile(
    r"^\W*(?:(?:dzien dobry|dobry wieczor|dobry|witam(?: serdecznie| wszystkich)?|witajcie|witaj|"
    r"czesc|hejka|hej|siemka|siema|halo|hello|hi|hey|good (?:morning|afternoon|evening)|panstwu|there)"
    r"\b[\s,.!:;–-]*)+"
)
_COURTESY = re.compile(
    r"[\s,.!?;–-]*\b(?:z gory (?:dziekuje|dzieki)|dziekuje(?: bardzo| z gory)?|dzieki(?: wielkie| z gory)?|"
    r"pozdrawiam(?: serdecznie)?|z powazaniem|thanks(?: in advance| a lot)?|thank you(?: very much)?|"
    r"(?:best |kind )?regards)\b[\w\s,.!]{0,25}$"
)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


def shorten(text: str) -> str:
    """Return a message's beginning and end: what is asked stands at one of them."""
    half = MAX_CHARACTERS // 2
    return text if len(text) <= MAX_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


def words(folded: str) -> list[str]:
    """Return the words and numbers of a folded text."""
    return _WORD.findall(folded)


def without_courtesies(folded: str) -> str:
    """Return a folded text without the greeting before and the thanks after it, unless too little is left."""
    rest = _COURTESY.sub("", _GREETING.sub("", folded))
    return rest if len(words(rest)) > 1 else folded


def sentences(folded: str) -> list[str]:
    """Return the sentences of a folded text that have at least two words."""
    return [part for part in _SENTENCE.split(folded) if len(words(part)) > 1]


def clauses(folded: str) -> list[str]:
    """Return the clauses of a folded text, cut also at commas and conjunctions.

    Two question words with one rest ("when and where was it signed") make two clauses.
    """
    double = _DOUBLE.match(folded)
    if double:
        return [f"{double[1]} {double[3]}", f"{double[2]} {double[3]}"]
    return [part for part in _JOINT.split(folded) if part and words(part)]
