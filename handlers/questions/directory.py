"""Answering "is X in the cluster?" from the organisations that are known to take part.

What is on the list is recognised by its aliases, despite endings and typing errors. What is not on it is only
recognised as such: the list is not complete, so nobody is ever said not to be a member.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from handlers.dialogue.folding import fold
from handlers.questions.entries import Listed
from handlers.questions.words import word_set, words

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
_PLACES = "members_local_gov"
_FRAGMENT = 6
_SPARE = 2
_ACRONYM = 4
_TYPO = 0.8
_NOTHING = frozenset[str]()
_ENGLISH_NOT = "not"  # an organisation is called NOT
_ENDING = 3


class Asked(NamedTuple):
    """Which organisations a question is about: those on the list, and whether others are named too."""

    listed: tuple[Listed, ...]
    unlisted: bool


class Directory:
    """The organisations known to take part, ready to be asked for."""

    def __init__(self, organisations: Sequence[Listed], ordinary: Collection[str]) -> None:
        """Take the organisations and the stems (`STEM` letters) of words which are no names."""
        self.ordinary = frozenset(ordinary)
        self._aliases = sorted(
            (
                (tuple(parts), one)
                for one in organisations
                for alias in one.aliases
                if (parts := words(fold(alias)))
            ),
            key=lambda pair: (-len(pair[0]), pair[0][0] in _LOOSE),
        )
        self._parts = frozenset(part for alias, _ in self._aliases for part in alias)
        self._meant = lru_cache(maxsize=4096)(self._meaning)

    def look_up(self, folded: str, *, locale: str = "pl", asked_before: bool = False) -> Asked | None:
        """Return what a folded question asks the directory, or None when it asks something else.

        `asked_before` tells that the question follows one about membership ("a Mykanów?").
        """
        if _OTHER_QUESTION.search(folded):
            return None
        found = words(folded)
        asks = asked_before or _ASKED.search(folded) is not None
        if not asks and len(found) > _FRAGMENT:
            return None
        listed, left = self._match(found, locale)
        left = _telling(left)
        strange = [word for word in left if word[:STEM] not in self.ordinary and not word.isdecimal()]
        if not asks and (left or not listed):
            return None
        if len(left) - len(strange) > _SPARE or not (listed or strange):
            return None
        if listed and _OTHER_BODY.search(folded):
            return Asked(tuple(one for one in listed if one.kind != _PLACES), unlisted=True)
        return Asked(listed, unlisted=bool(strange))

    def _match(self, found: Sequence[str], locale: str) -> tuple[tuple[Listed, ...], list[str]]:
        """Return the organisations named and the words that are left, longest aliases first."""
        left, listed = list(found), dict[str, Listed]()
        meant = {word: self._meant(word) for word in found if locale == "pl" or word != _ENGLISH_NOT}
        named = frozenset[str]().union(*meant.values())
        for alias, organisation in self._aliases:
            if not named.issuperset(alias):
                continue
            used = [word for word in left if not meant.get(word, _NOTHING).isdisjoint(alias)]
            rest = [word for word in left if word not in used]
            whole = frozenset[str]().union(*(meant[word] for word in used)).issuperset(alias)
            loose = len(alias) == 1 and not _LOOSE.isdisjoint(alias)
            if whole and not (loose and (listed or _telling(rest))):
                listed[organisation.name] = organisation
                left = rest
        return tuple(listed.values()), left

    def _meaning(self, word: str) -> frozenset[str]:
        """Return the words of aliases that a typed word can stand for."""
        return frozenset(part for part in self._parts if _same(part, word))


def _telling(left: Sequence[str]) -> list[str]:
    """Return the words that say more than that membership is asked about."""
    return [w for w in left if w not in _FILLERS and not _USUAL.match(w) and not _ASKED.search(w)]


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
