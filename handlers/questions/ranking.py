"""Ranking topics for a question: which phrasings it is like, and which topic its pieces speak for.

Two views of the same features are combined. The nearest phrasing (cosine over character pieces and word
stems) is precise when somebody asked like this before; a linear classifier, fitted to all phrasings by
regularised least squares, sums up what tells the topics apart. Character pieces forgive typing errors,
inflection and missing Polish letters.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handlers.dialogue.folding import fold
from handlers.questions.groups import group_of
from handlers.questions.spelling import Spelling
from handlers.questions.words import shorten, words

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]

PIECES = (3,)
"""The lengths of the character pieces."""

STEM = 5
"""How many letters of a word count as its stem."""

MAX_GROUPS = 8
"""Of how many groups of words the pairs are looked at."""

RIDGE = 0.3
"""How strongly the classifier is held back from learning single phrasings by heart."""

FREQUENT = 40
"""From how many phrasings on a feature is multiplied as a full column, which is quicker."""

NEAREST_SHARE = 0.3
"""What part of a score is likeness to the nearest phrasing; the rest is the classifier's."""

CANDIDATES = 4
"""For how many of the classifier's best topics the nearest phrasing is looked up."""

STRANGE = 0.3
"""How much a feature that no phrasing has counts, against one of ordinary rarity."""


class Phrasing(NamedTuple):
    """One way to ask for a topic in one language."""

    topic: str
    locale: str
    text: str


class Scored(NamedTuple):
    """A topic and how well it fits, from 0 to 1."""

    topic: str
    score: float


class Ranker:
    """An immutable index of phrasings."""

    def __init__(self, phrasings: Sequence[Phrasing]) -> None:
        """Build the index; takes half a second for a few thousand phrasings."""
        ordered = sorted(phrasings, key=lambda phrasing: phrasing.topic)
        self.topics = tuple(dict.fromkeys(phrasing.topic for phrasing in ordered))
        typed = [words(fold(phrasing.text)) for phrasing in ordered]
        self._spelling = Spelling(word for found in typed for word in found)
        found = [_features(one) for one in typed]
        self._number: dict[str, int] = {}
        for features in found:
            for feature in features:
                self._number.setdefault(feature, len(self._number))
        self._rarity = self._rarities(found)
        self._strange = STRANGE * float(np.median(self._rarity)) ** 2 if found else 0.0
        vectors = [self._vector(features) for features in found]
        self._ids = np.concatenate([ids for ids, _ in vectors] or [np.zeros(0, np.int32)])
        self._weights = np.concatenate([weights for _, weights in vectors] or [np.zeros(0, np.float32)])
        self._starts = np.cumsum([0, *(len(ids) for ids, _ in vectors)])
        place = {topic: number for number, topic in enumerate(self.topics)}
        topic_of = np.array([place[phrasing.topic] for phrasing in ordered], np.int32)
        self._bounds = np.searchsorted(topic_of, np.arange(len(self.topics) + 1)).tolist()
        self._slopes = self._fit(topic_of, [phrasing.locale for phrasing in ordered])

    def rank(self, text: str) -> list[Scored]:
        """Return the topics that fit at all, the best first; of a long text only its ends count."""
        return self.rank_folded(fold(shorten(text)))

    def rank_folded(self, folded: str) -> list[Scored]:
        """Do as `rank` for a text that is folded already."""
        ids, weights = self._vector(_features([self._spelling.right(word) for word in words(folded)]))
        if not len(ids):
            return []
        spoken = weights @ self._slopes[ids]
        best = np.argsort(-spoken)[:CANDIDATES].tolist()
        asked = np.zeros(len(self._rarity), np.float32)
        asked[ids] = weights
        scored = [
            Scored(self.topics[i], self._score(float(spoken[i]), self._nearest(i, asked))) for i in best
        ]
        return sorted(scored, key=lambda one: -one.score)

    @staticmethod
    def _score(spoken: float, likeness: float) -> float:
        """Return the two views as one number between 0 and 1."""
        return min(1.0, max(0.0, NEAREST_SHARE * likeness + (1 - NEAREST_SHARE) * spoken))

    def _nearest(self, topic: int, asked: Floats) -> float:
        """Return the cosine of the question and the topic's nearest phrasing."""
        first, last = self._bounds[topic], self._bounds[topic + 1]
        begin, end = self._starts[first], self._starts[last]
        products = asked[self._ids[begin:end]] * self._weights[begin:end]
        return float(np.add.reduceat(products, self._starts[first:last] - begin).max())

    def _vector(self, features: Sequence[str]) -> tuple[Numbers, Floats]:
        """Return the known features as numbers and weights; the unknown ones make all weights smaller."""
        number = self._number
        known = [number[feature] for feature in features if feature in number]
        ids = np.array(known, np.int32)
        weights = self._rarity[ids]
        strange = (len(features) - len(known)) * self._strange
        return ids, weights / np.float32(math.sqrt(float(weights @ weights) + strange) or 1.0)

    def _rarities(self, found: Sequence[Sequence[str]]) -> Floats:
        """Return the weight of every feature: the rarer, the more telling."""
        counts = np.zeros(len(self._number), np.float32)
        for features in found:
            counts[[self._number[feature] for feature in features]] += 1
        return np.log((len(found) + 1) / counts).astype(np.float32)

    def _fit(self, topic_of: Numbers, locales: Sequence[str]) -> Floats:
        """Return the slopes: for every feature and topic, how much the one speaks for the other.

        The languages are fitted one by one: they share little, and the work grows with the cube.
        """
        slopes = np.zeros((len(self._number), len(self.topics)), np.float32)
        spoken = np.array(locales)
        rows = np.repeat(np.arange(len(topic_of), dtype=np.int32), np.diff(self._starts))
        for locale in sorted(set(locales)):
            members = np.flatnonzero(spoken == locale)
            taken = spoken[rows] == locale
            places = np.searchsorted(members, rows[taken]).astype(np.int32)
            columns = _columns(self._ids[taken], places, self._weights[taken])
            wanted = topic_of[members][:, None] == np.arange(len(self.topics))
            shares = np.linalg.solve(_likeness(columns, len(members)), wanted.astype(np.float32))
            for column in columns:
                slopes[column.feature] += column.weights @ shares[column.rows]
        return slopes


class _Column(NamedTuple):
    """The phrasings that have a feature, and with which weight."""

    feature: int
    rows: Numbers
    weights: Floats


def _columns(ids: Numbers, rows: Numbers, weights: Floats) -> list[_Column]:
    """Return the columns of the features that occur, from as many (feature, row, weight) triples."""
    order = np.argsort(ids, kind="stable")
    features, starts = np.unique(ids[order], return_index=True)
    parts = zip(
        features.tolist(),
        np.split(rows[order], starts[1:]),
        np.split(weights[order], starts[1:]),
        strict=True,
    )
    return [_Column(*part) for part in parts]


def _likeness(columns: Sequence[_Column], size: int) -> Floats:
    """Return the products of all phrasings with each other, with the ridge on the diagonal."""
    likeness = np.zeros((size, size), np.float32)
    frequent = [column for column in columns if len(column.rows) > FREQUENT]
    dense = np.zeros((size, len(frequent)), np.float32)
    for place, column in enumerate(frequent):
        dense[column.rows, place] = column.weights
    np.matmul(dense, dense.T, out=likeness)
    for _, rows, weights in (column for column in columns if len(column.rows) <= FREQUENT):
        likeness[rows[:, None], rows] += np.outer(weights, weights)
    likeness[np.diag_indices(size)] += RIDGE
    return likeness


def _features(found: Sequence[str]) -> list[str]:
    """Return the words' different character pieces, word stems and groups, and pairs of both."""
    text = f" {' '.join(found)} "
    features = [text[i : i + n] for n in PIECES for i in range(len(text) - n + 1)]
    stems = ["_" + word[:STEM] for word in found]
    features += stems
    features += map(add, stems, stems[1:])
    groups = sorted({group for word in found if (group := group_of(word))})[:MAX_GROUPS]
    features += ["@" + group for group in groups]
    features += [f"@{a}@{b}" for a, b in combinations(groups, 2)]
    return list(dict.fromkeys(features))
