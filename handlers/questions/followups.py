"""Short questions that lean on the one before: "a kiedy?", "and where?"."""

from collections.abc import Sequence

from handlers.questions.words import word_set, words

_WORDS = {
    "when": frozenset({"kiedy", "when", "ktorego", "termin", "dnia", "data", "ktorej", "godzinie", "time"}),
    "where": frozenset({"gdzie", "where", "dokad", "adres", "miejsce", "sala", "sali"}),
    "who": frozenset({"kto", "who", "ktos", "kim"}),
    "many": frozenset({"ile", "ilu", "many"}),
    "about": frozenset({"czym", "about", "temat", "program", "agenda"}),
    "how": frozenset({"jak", "how"}),
    "cost": frozenset({"kosztuje", "cena", "cost", "darmo", "koszt"}),
}
_FILLERS = word_set("a i o w na to no ale za wiec and the at but so what is it jest dokladnie exactly day")
_LONGEST = 4

_MEETING = {
    "when": "meeting_next",
    "where": "meeting_place",
    "who": "meeting_attendees",
    "many": "meeting_attendees",
    "about": "meeting_agenda",
    "how": "rsvp_how",
}
_JOINING = {"how": "apply_how", "when": "membership_open", "cost": "unknown_fee", "where": "office_contact"}
_AGREEMENT = {
    "when": "agreement_when",
    "where": "agreement_where",
    "who": "agreement_parties",
    "many": "members_count",
    "about": "scope_areas",
}
_MEMBERS = {"who": "agreement_parties", "many": "members_count", "how": "apply_how", "when": "agreement_when"}

_NEXT = {
    "meeting": _MEETING,
    "my": _MEETING,
    "rsvp": _MEETING,
    "agreement": _AGREEMENT,
    "city": _AGREEMENT,
    "cluster": _AGREEMENT | {"how": "apply_how"},
    "membership": _JOINING,
    "apply": _JOINING,
    "benefits": _JOINING,
    "members": _MEMBERS,
    "coordinator": {"where": "office_contact", "how": "office_contact"},
    "office": {"when": "office_contact", "where": "office_contact", "how": "office_contact"},
}


def follow_up(folded: str, previous_topic: str) -> str | None:
    """Return the topic that a short folded question means after the previous one, or None."""
    found = [word for word in words(folded) if word not in _FILLERS]
    if not found or len(words(folded)) > _LONGEST:
        return None
    kind = _kind(found)
    return _NEXT.get(previous_topic.partition("_")[0], {}).get(kind) if kind else None


def _kind(found: Sequence[str]) -> str | None:
    """Return the one kind of question that all the words belong to."""
    return next((kind for kind, known in _WORDS.items() if known.issuperset(found)), None)
