"""The shipped knowledge is complete, honest and fit to be shown."""

import re

import pytest

from handlers.dialogue.markup import clean_markup, plain
from handlers.questions.answers import told
from handlers.questions.entries import Entry, family, load_shipped

ENTRIES, ORGANISATIONS = load_shipped()
ASKED = [entry for entry in ENTRIES if entry.phrasings]
ADMITS = re.compile(
    r"nie wiem|nie znam|nie mam|nie mogę|do not know|do not have|have no|cannot", re.IGNORECASE
)
OFFICE = re.compile(r"biur|office", re.IGNORECASE)


def name(entry: Entry) -> str:
    return f"{entry.topic}-{entry.locale}"


def test_every_topic_is_told_in_both_languages() -> None:
    spoken = {topic: {e.locale for e in ENTRIES if e.topic == topic} for topic in {e.topic for e in ENTRIES}}
    assert all(locales == {"pl", "en"} for locales in spoken.values())


def test_topics_and_phrasings_are_not_repeated() -> None:
    assert len({(entry.topic, entry.locale) for entry in ENTRIES}) == len(ENTRIES)
    phrasings = [text.lower() for entry in ENTRIES for text in entry.phrasings if entry.locale == "pl"]
    assert len(phrasings) == len(set(phrasings))


@pytest.mark.parametrize("entry", ASKED, ids=name)
def test_there_are_enough_phrasings(entry: Entry) -> None:
    assert len(entry.phrasings) >= (20 if entry.locale == "pl" else 8)


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_an_answer_is_clean_markup_and_names_no_year(entry: Entry) -> None:
    assert clean_markup(entry.answer) == entry.answer
    assert not re.search(r"\b(?:19|20)\d\d\b", entry.answer)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.kind == "unknown"], ids=name)
def test_what_is_not_known_is_admitted(entry: Entry) -> None:
    assert ADMITS.search(entry.answer)
    assert OFFICE.search(entry.answer) or entry.topic == "unknown_cluster.services"


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.kind == "fact"], ids=name)
def test_a_fact_tells_its_source_and_day(entry: Entry) -> None:
    shown = plain(told(entry))
    assert "26 lipca" in shown if entry.locale == "pl" else "26 July" in shown


def test_a_listed_organisation_belongs_to_a_topic() -> None:
    topics = {entry.topic for entry in ENTRIES}
    assert all(organisation.kind in topics and organisation.aliases for organisation in ORGANISATIONS)


def test_the_names_filled_in_are_escaped() -> None:
    entry = next(e for e in ENTRIES if e.topic == "member_listed")
    told_of = told(entry, [ORGANISATIONS[0].__class__("<b>Firma</b>", (), "members_companies")])
    assert "&lt;b&gt;Firma" in str(told_of)


def test_the_family_is_the_part_before_the_dot() -> None:
    assert family("unknown_cluster.voting") == "unknown_cluster"
    assert family("council_chair") == "council_chair"


def test_a_bad_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        Entry("topic", "rumour", "pl", "Label", (), "answer")
    with pytest.raises(ValueError, match="label"):
        Entry("topic", "fact", "pl", "x" * 41, (), "answer")
    with pytest.raises(ValueError, match="empty"):
        Entry("topic", "fact", "pl", "Label", (), " ")
