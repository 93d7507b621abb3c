"""Putting single typing errors right: one letter missing, doubled, wrong, or two of them swapped."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import OSA

SHORTEST = 4
"""Words with fewer letters are left as they are: one letter makes another word of them."""

LONG = 6
"""From how many letters on a wrong letter is forgiven."""


class Spelling:
    """The words that are known, with all their forms that lack one letter."""

    def __init__(self, known: Iterable[str]) -> None:
        """Take all occurrences of the known folded words: of two that fit, the more frequent one is meant."""
        self._known = Counter(known)
        self._lacking: dict[str, list[str]] = {}
        for word in self._known:
            if len(word) >= SHORTEST:
                for form in _lacking_one(word):
                    self._lacking.setdefault(form, []).append(word)
        self.right = lru_cache(maxsize=8192)(self._right)

    def _right(self, word: str) -> str:
        """Return the known word that a folded word is a mistyped form of, else the word itself."""
        if word in self._known or len(word) < SHORTEST or word.isdecimal():
            return word
        meant = {near for form in (word, *_lacking_one(word)) for near in self._near(form)}
        meant = {near for near in meant if _mistyped(word, near)}
        return max(meant, key=lambda near: (self._known[near], near), default=word)

    def _near(self, form: str) -> Iterable[str]:
        """Yield the known words that a form is, or that it becomes with one letter more."""
        if form in self._known and len(form) >= SHORTEST:
            yield form
        yield from self._lacking.get(form, ())


def _mistyped(word: str, near: str) -> bool:
    """Tell whether one typing error that is likely in a word of this length leads from one to the other."""
    if OSA.distance(word, near, score_cutoff=1) > 1:
        return False
    swapped = len(word) == len(near) and sorted(word) == sorted(near)
    return swapped or len(near) >= (LONG if len(word) == len(near) else LONG - 1)


def _lacking_one(word: str) -> set[str]:
    """Return the word's forms that lack one letter."""
    return {word[:i] + word[i + 1 :] for i in range(len(word))}
