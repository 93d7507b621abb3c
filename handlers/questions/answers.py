"""Choosing what to answer: surely, with a question back, or honestly not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from markupsafe import Markup

from handlers.dialogue.folding import fold
from handlers.questions.boundaries import boundary
from handlers.questions.directory import STEM, Directory
from handlers.questions.entries import Entry, Listed, family
from handlers.questions.followups import follow_up
from handlers.questions.language import OTHER, guess
from handlers.questions.ranking import Phrasing, Ranker, Scored
from handlers.questions.words import clauses, sentences, shorten, without_courtesies, words

SURE = 0.31
"""The score from which the best topic is answered without asking back."""

CLAUSE_SURE = 0.42
"""The score from which one clause of a longer message is taken for the question."""

PLAIN = 0.9
"""The score from which a message is not looked at clause by clause."""

LEAD = 0.05
"""How far the best topic must be ahead of the next one to be answered."""

UNSURE = 0.2
"""The score below which nothing is offered: the question is about something else."""

BRIEF = 3
"""Up to how many words a name alone is taken to ask the same as the question before."""

MAX_OPTIONS = 3
MAX_TOPICS = 3
MAX_CLAUSES = 12

ACCEPTED = "member_accepted"
"""The topic, and the kind, of organisations which joined after the signing."""

_ANSWERED = frozenset({"fact", "unknown", "howto", "live"})
_MEMBERSHIP = frozenset(
    {
        "unknown_member",
        "agreement_parties",
        "members_local_gov",
        "members_universities",
        "members_institutions",
    }
)
_AND_WHAT_OF = ("a ", "i ", "and ", "what about ", "how about ")
_SOURCE = {"pl": "Źródło: {source}", "en": "Source: {source}"}
_AS_OF = {"pl": ", stan na {day}", "en": ", as of {day}"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a question was found to ask.

    `topics` are the entries to say, one after the other (several for several questions in one message, none
    when it is not known); `options` are the topics to offer instead; `score` is from 0 to 1; `locale` is the
    language to answer in; `listed` are the organisations that the question names and the list has.
    """

    topics: tuple[str, ...]
    score: float
    options: tuple[str, ...]
    locale: str
    listed: tuple[Listed, ...] = ()

    @property
    def topic(self) -> str | None:
        """The subject in one word: the first topic, or the kind of the organisation asked about."""
        return self.listed[0].kind if self.listed else next(iter(self.topics), None)


class Knowledge:
    """All that can be answered, in memory and immutable; made by `build`."""

    def __init__(
        self, entries: Mapping[tuple[str, str], Entry], ranker: Ranker, directory: Directory
    ) -> None:
        """Take the entries by topic and locale and the indexes over them."""
        self._entries = entries
        self.ranker = ranker
        self.directory = directory

    @classmethod
    def build(cls, entries: Sequence[Entry], organisations: Sequence[Listed]) -> Self:
        """Return the index of these entries and organisations; takes about half a second."""
        by_key = {(entry.topic, entry.locale): entry for entry in entries}
        phrasings = [Phrasing(e.topic, e.locale, text) for e in entries for text in e.phrasings]
        ordinary = {
            word[:STEM]
            for p in phrasings
            if by_key[p.topic, p.locale].kind != "boundary" and p.topic != "unknown_member"
            for word in words(fold(p.text))
        }
        return cls(by_key, Ranker(phrasings), Directory(organisations, ordinary))

    def with_organisations(self, organisations: Sequence[Listed]) -> Self:
        """Return the same knowledge with another directory; quick, for the index is kept."""
        directory = Directory(organisations, self.directory.ordinary)
        return type(self)(self._entries, self.ranker, directory)

    def entry(self, topic: str, locale: str) -> Entry | None:
        """Return a topic's entry in a language, else in any other; None for an unknown topic."""
        found = (self._entries.get((topic, one)) for one in (locale, "pl", "en"))
        return next((entry for entry in found if entry), None)

    def kind(self, topic: str) -> str:
        """Return the kind of a topic's entry, "" for an unknown topic."""
        entry = self.entry(topic, "pl")
        return entry.kind if entry else ""


def find(question: str, locale: str, knowledge: Knowledge, previous_topic: str | None = None) -> Finding:
    """Return what a question asks; `locale` is the person's language.

    `previous_topic` is what was asked before, for questions like "and where?".
    """
    text = shorten(question)
    folded = without_courtesies(fold(text))
    spoken = guess(text, folded)
    said = spoken if spoken in {"pl", "en"} else locale
    barred = boundary(folded)
    if barred:
        return Finding((barred,), 1.0, (), said)
    following = follow_up(folded, previous_topic) if previous_topic else None
    if following:
        return Finding((following,), 1.0, (), said)
    found = _understood(folded, said, knowledge)
    if spoken == OTHER and found.score < PLAIN:
        return Finding(("other_language",), 1.0, (), locale)
    asked_before = previous_topic is not None and previous_topic.startswith(("members_", "unknown_member"))
    return _membership(folded, found, knowledge, asked_before=asked_before) or found


def told(entry: Entry, listed: Sequence[Listed] = ()) -> Markup:
    """Return an entry's answer with its source and date, the organisations' names filled in."""
    named = (one for one in listed if (one.kind == ACCEPTED) == (entry.topic == ACCEPTED))
    names = Markup(", ").join(one.name for one in named)
    answer = Markup(entry.answer).replace("{names}", names)  # noqa: S704 - the store keeps clean markup
    if not entry.source:
        return answer
    line = Markup(_SOURCE[entry.locale]).format(source=entry.source)  # noqa: S704 - our own text
    if entry.as_of and entry.as_of not in entry.source:
        line += Markup(_AS_OF[entry.locale]).format(day=entry.as_of)  # noqa: S704 - our own text
    return answer + Markup("\n<i>{}</i>").format(line)


def _membership(folded: str, found: Finding, knowledge: Knowledge, *, asked_before: bool) -> Finding | None:
    """Return the directory's finding, unless the ranking is sure of a question that is none for it."""
    brief = asked_before and len(words(folded)) <= BRIEF and folded.startswith(_AND_WHAT_OF)
    asked = knowledge.directory.look_up(folded, locale=found.locale, asked_before=asked_before)
    if asked is None or not (asked.listed or _may_be_membership(found) or brief):
        return None
    # The coordinator is not named among those who joined.
    joined = tuple(one for one in asked.listed if one.kind != "coordinator")
    topics = tuple(dict.fromkeys(ACCEPTED if one.kind == ACCEPTED else "member_listed" for one in joined))
    topics += ("coordinator",) * (joined != asked.listed)
    return Finding(topics + ("unknown_member",) * asked.unlisted, 1.0, (), found.locale, joined)


def _may_be_membership(found: Finding) -> bool:
    """Tell whether a question with a strange name in it may ask whether that one is a member."""
    thought = found.topics or found.options
    return not thought or any(family(topic) in _MEMBERSHIP for topic in thought)


def _understood(folded: str, locale: str, knowledge: Knowledge) -> Finding:
    """Return the finding of the ranking for the whole text or, when better understood, for its clauses."""
    whole = _decide(knowledge.ranker.rank_folded(folded), locale, knowledge)
    pieces = clauses(folded)
    if len(pieces) == 1 or whole.score >= PLAIN:
        return whole
    pieces = [*dict.fromkeys([*pieces, *sentences(folded)])][:MAX_CLAUSES]
    singly = [_clause(piece, locale, knowledge) for piece in pieces if len(words(piece)) > 1]
    return _together(whole, singly, knowledge)


def _clause(piece: str, locale: str, knowledge: Knowledge) -> Finding:
    """Return the finding of one clause: the directory's if that knows the organisation, or the ranking's."""
    found = _decide(knowledge.ranker.rank_folded(piece), locale, knowledge)
    joined = _membership(piece, found, knowledge, asked_before=False)
    return joined if joined and joined.listed else found


def _together(whole: Finding, singly: Sequence[Finding], knowledge: Knowledge) -> Finding:
    """Return one finding for a message: of the whole, of its best clause, or of several questions in it."""
    clear = {
        found.topics[0]: found
        for found in sorted(singly, key=lambda found: found.score)
        if found.topics and found.score >= CLAUSE_SURE and knowledge.kind(found.topics[0]) in _ANSWERED
    }
    best = sorted(clear.values(), key=lambda found: -found.score)[:MAX_TOPICS]
    several = len({family(found.topics[0]) for found in best}) > 1
    if several and sum(found.score for found in best[:2]) / 2 > whole.score:
        kept = [found for found in singly if found in best]
        topics = tuple(dict.fromkeys(found.topics[0] for found in kept))
        listed = tuple(dict.fromkeys(one for found in kept for one in found.listed))
        return replace(best[0], topics=topics, listed=listed)
    surer = best and (best[0].score > whole.score + LEAD or not whole.topics)
    return best[0] if surer else whole


def _decide(ranked: Sequence[Scored], locale: str, knowledge: Knowledge) -> Finding:
    """Return the finding for one ranking."""
    if not ranked or ranked[0].score < UNSURE:
        return Finding((), ranked[0].score if ranked else 0.0, (), locale)
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else Scored("", 0.0)
    safe = family(first.topic) == family(second.topic) or knowledge.kind(first.topic) == "unknown"
    if first.score >= SURE and (safe or first.score - second.score >= LEAD):
        return Finding((first.topic,), first.score, (), locale)
    offered = tuple(
        one.topic for one in ranked if one.score >= UNSURE / 2 and knowledge.kind(one.topic) != "boundary"
    )
    return Finding((), first.score, offered[:MAX_OPTIONS], locale)
