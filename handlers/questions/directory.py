"""Answering "is X in the cluster?" from the organisations that are known to take part.

What is on the list is recognised by its aliases, despite endings and typing errors. What is not on it is only
recognised as such: the list is not complete, so nobody is ever said not to be a member.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from rapidfuzz.distance import OSA

from handlers.questions.entries import Listed
from handlers.questions.words import fold, word_set, words

STEM = 5

_ASKED = re.compile(
    r"\b(?:w|do|z|czescia|na) (?:\w+ )?(?:klast\w*|aglomeracj[ie]|porozumieni\w|lisc\w+)|"
    r"\bnalez|przystap|"
    r"dolacz|przylacz|\bu was\b|\bz wami\b|podpisal|czlon(?:ek|k)|uczestni|bier\w* udzial|\btez (?:jest|sa)|"
    r"\b(?:jest|sa) tez|w tym (?:jest|sa)|in (?:the|your) cluster|member|joined|\bjoin\b|part of|belong|"
    r"signed|sign the|take part|takes part|on the list|participa"
)
_OTHER_QUESTION = re.compile(
    r"\b(?:kto|ktos|kogo|kim|kiedy|gdzie|jak|ile|ilu|co|czemu|dlaczego|skad|jaki\w*|ktor\w+|spotkani\w*|zebrani\w*|"
    r"posiedzeni\w*|bede|moge|mozna|chce|who|when|where|how|what|why|which|meeting|can|may)\b"
)
_FILLERS = word_set(
    "czy wsrod ze jest sa tez takze rowniez i oraz lub albo a w we z do u na to ten ta te ci tam tu tym "
    "tego was wami nas juz jeszcze moze samo sam sama gmina gminy gmine gmin powiat urzad starostwo "
    "samorzad jednostka uczelnia uczelnie szkola jako prawda tak ktora ktore klaster klastra klastrze "
    "klastrem aglomeracja aglomeracji porozumienie porozumienia porozumieniu liscie lista podmiotem wiesz "
    "powiedz is are does did the an in of also too part has have been it they s city town municipality "
    "county your our list and or with"
)
_USUAL = re.compile(r"(?:wasz|nasz|klast|aglomerac|prawd|slysz|podobno|ktor)")
# An alias of one of these words alone is meant only when nothing else in the question narrows it down.
_LOOSE = word_set("miasto politechnika czestochowa magistrat ratusz polibuda")
# These make "a school in Blachownia" something else than Blachownia.
_OTHER_BODY = re.compile(
    r"\b(?:szpital|przychodni|bank|hotel|osp|straz|zaklad|firm|spolk|spoldzielni|szkol[aey] podst|liceum|"
    r"przedszkol|parafi|klub|huta|kopalni|elektrown|muze|teatr|hospital|school|company|wodociag|uniwersytet)"
)
_FRAGMENT = 3
_SPARE = 2
_ACRONYM = 4
_TYPO = 0.8
_ENDING = 3


class Asked(NamedTuple):
    """Which organisations a question is about: those on the list, and whether others are named too."""

    listed: tuple[Listed, ...]
    unlisted: bool


class Directory:
    """The organisations known to take part, ready to be asked for."""

    def __init__(self, organisations: Sequence[Listed], ordinary: Collection[str]) -> None:
        """Take the organisations and the stems (`STEM` letters) of words which are no names."""
        self._ordinary = frozenset(ordinary)
        self._aliases = sorted(
            ((tuple(words(fold(alias))), one) for one in organisations for alias in one.aliases),
            key=lambda pair: (-len(pair[0]), pair[0][0] in _LOOSE),
        )

    def look_up(self, folded: str, *, locale: str = "pl", asked_before: bool = False) -> Asked | None:
        """Return what a folded question asks the directory, or None when it asks something else.

        `asked_before` tells that the question follows one about membership ("a Mykanów?").
        """
        if _OTHER_QUESTION.search(folded):
            return None
        found = words(folded)
        listed, left = self._match(found, locale)
        left = _telling(left)
        strange = [word for word in left if word[:STEM] not in self._ordinary and not word.isdecimal()]
        asks = asked_before or _ASKED.search(folded) is not None
        if not asks and (left or not listed or len(found) > _FRAGMENT):
            return None
        if len(left) - len(strange) > _SPARE or not (listed or strange):
            return None
        if listed and _OTHER_BODY.search(folded):
            return Asked((), unlisted=True)
        return Asked(listed, unlisted=bool(strange))

    def _match(self, found: Sequence[str], locale: str) -> tuple[tuple[Listed, ...], list[str]]:
        """Return the organisations named and the words that are left, longest aliases first."""
        left, listed = list(found), dict[str, Listed]()
        for alias, organisation in self._aliases:
            used = _used(alias, left, locale)
            rest = [word for word in left if word not in used]
            loose = len(alias) == 1 and alias[0] in _LOOSE
            if used and not (loose and (listed or _telling(rest))):
                listed[organisation.name] = organisation
                left = rest
        return tuple(listed.values()), left


def _telling(left: Sequence[str]) -> list[str]:
    """Return the words that say more than that membership is asked about."""
    return [w for w in left if w not in _FILLERS and not _USUAL.match(w) and not _ASKED.search(w)]


def _used(alias: Sequence[str], found: Sequence[str], locale: str) -> list[str]:
    """Return the words that an alias stands for, or nothing when one of its words is missing."""
    if locale != "pl" and alias == ("not",):
        return []
    hits = (next((w for w in found if _same(part, w)), None) for part in alias)
    used = list(_until_none(hits))
    return used if len(used) == len(alias) else []


def _until_none(hits: Iterator[str | None]) -> Iterator[str]:
    """Yield hits up to the first miss."""
    return (hit for hit in takewhile(bool, hits) if hit)


def _same(part: str, word: str) -> bool:
    """Tell whether a word is an inflected or mistyped form of an alias's word."""
    if part == word or len(part) <= _ACRONYM:
        return part == word
    common = next(
        (i for i, (a, b) in enumerate(zip(part, word, strict=False)) if a != b), min(len(part), len(word))
    )
    if common >= max(_ACRONYM, len(part) - _ENDING) and len(word) <= len(part) + _ENDING:
        return True
    return len(word) > STEM and bool(OSA.normalized_similarity(part, word) >= _TYPO)
