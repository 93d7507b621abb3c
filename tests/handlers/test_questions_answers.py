"""What is answered, what is asked back and what is admitted not to be known."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.questions.answers import Finding, Knowledge, find
from handlers.questions.entries import Listed, family, load_shipped

KNOWLEDGE = Knowledge.build(*load_shipped())
HELD_OUT = tomllib.loads((Path(__file__).parent / "questions.toml").read_text(encoding="utf-8"))
SINGLE = [
    (locale if locale == "en" else "pl", topic, question)
    for locale in ("pl", "en", "long")
    for topic, questions in HELD_OUT[locale].items()
    for question in questions
]
NO_ANSWER = {"out_of_scope", "abuse", "no_content", "other_language"}


def ask(question: str, previous: str | None = None, locale: str = "pl") -> Finding:
    return find(question, locale, KNOWLEDGE, previous)


def verdict(finding: Finding, topic: str) -> str:
    if finding.topic is None:
        unknowable = topic in NO_ANSWER or topic.startswith("unknown_")
        return "right" if unknowable else "asked back" if finding.options else "refused"
    said = {family(one) for one in finding.topics} | {finding.topic, *finding.topics}
    return "right" if topic in said or topic.replace("unknown_", "unknown_cluster.") in said else "wrong"


def test_most_held_out_questions_are_answered_and_hardly_any_wrongly() -> None:
    verdicts = Counter(verdict(ask(text, locale=locale), topic) for locale, topic, text in SINGLE)
    assert verdicts["right"] >= 0.95 * len(SINGLE)
    assert verdicts["wrong"] <= 0.02 * len(SINGLE)


@pytest.mark.parametrize("topic", ["unknown_fee", "unknown_year", "unknown_member"])
def test_what_cannot_be_known_is_never_answered_with_a_fact(topic: str) -> None:
    for locale in ("pl", "en"):
        for text in HELD_OUT[locale].get(topic, ()):
            kinds = {KNOWLEDGE.kind(one) for one in ask(text, locale=locale).topics}
            assert kinds <= {"unknown", "boundary"}, text


@pytest.mark.parametrize(("text", "topics"), HELD_OUT["both"].items())
def test_two_questions_in_one_message_are_both_answered(text: str, topics: list[str]) -> None:
    assert ask(text).topics == tuple(topics)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("czy Blachownia jest w klastrze?", ["Blachownia"]),
        ("blachwonia nalezy do klastra?", ["Blachownia"]),
        ("Mykanów i Rędziny przystąpiły?", ["Mykanów", "Rędziny"]),
        ("czy starostwo w Kłobucku podpisało porozumienie", ["Starostwo Powiatowe w Kłobucku"]),
        ("urzad miasta jest w klastrze", ["Miasto Częstochowa (Urząd Miasta Częstochowy)"]),
        ("AJD też jest w klastrze?", ["Akademia Jana Długosza"]),
        ("politechnika u was jest?", ["Politechnika Częstochowska"]),
        ("czy NOT należy do klastra", ["Federacja Stowarzyszeń Naukowo-Technicznych NOT"]),
        ("Blachownia?", ["Blachownia"]),
        ("is Olsztyn a member", ["Olsztyn"]),
    ],
)
def test_a_listed_organisation_is_recognised(text: str, names: list[str]) -> None:
    finding = ask(text)
    assert [one.name for one in finding.listed] == names
    assert finding.topics == ("member_listed",)


@pytest.mark.parametrize(
    "text",
    [
        "czy Wręczyca jest w klastrze?",
        "powiat myszkowski jest w klastrze",
        "politechnika śląska też jest u was?",
        "czy Politechnika Opolska należy do klastra",
        "szpital w Blachowni jest w klastrze?",
        "gmina Janów przystąpiła?",
        "is Siemens in the cluster?",
    ],
)
def test_nobody_off_the_list_is_said_to_be_in_or_out(text: str) -> None:
    assert ask(text).topics == ("unknown_member",)


def test_the_chamber_is_the_coordinator_and_not_said_to_have_joined() -> None:
    assert ask("czy Regionalna Izba Przemysłowo-Handlowa jest w klastrze?").topics == ("coordinator",)


def test_a_listed_and_an_unlisted_one_are_told_apart() -> None:
    finding = ask("czy Blachownia i Wręczyca są w klastrze?")
    assert finding.topics == ("member_listed", "unknown_member")
    assert [one.name for one in finding.listed] == ["Blachownia"]
    assert finding.topic == "members_local_gov"


@pytest.mark.parametrize(
    ("previous", "text", "topic"),
    [
        ("meeting_next", "a gdzie?", "meeting_place"),
        ("meeting_place", "o której?", "meeting_next"),
        ("agreement_when", "a gdzie", "agreement_where"),
        ("agreement_where", "kiedy?", "agreement_when"),
        ("membership_open", "a jak?", "apply_how"),
        ("members_local_gov", "a Olsztyn?", "members_local_gov"),
        ("members_local_gov", "a Żarki?", "unknown_member"),
        ("meeting_next", "kto jest przewodniczącym rady?", "council_chair"),
    ],
)
def test_a_short_question_leans_on_the_one_before(previous: str, text: str, topic: str) -> None:
    assert ask(text, previous).topic == topic


def test_the_reply_is_in_the_language_of_the_question() -> None:
    assert ask("who is the chair of the council?", locale="pl").locale == "en"
    assert ask("kto jest przewodniczącym rady?", locale="en").locale == "pl"
    assert ask("Lewandowski?", locale="en").locale == "en"


def test_few_options_are_offered_and_only_real_ones() -> None:
    for locale, _, text in SINGLE:
        finding = ask(text, locale=locale)
        assert len(finding.options) <= 3
        assert not (finding.topics and finding.options)
        assert all(KNOWLEDGE.kind(option) not in {"", "boundary"} for option in finding.options)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00\x01", "\ud800", "😀" * 500, "\u202e\u200f\u200b", "שלום מתי הפגישה", "a" * 100_000,
     "<b>" * 40_000, "a, " * 33_000, "¿" * 700, "%s{0}\\", "czy " * 25_000],
)  # fmt: skip
def test_hostile_texts_get_no_fact(text: str) -> None:
    finding = ask(text)
    assert 0.0 <= finding.score <= 1.0
    assert all(KNOWLEDGE.kind(topic) != "fact" for topic in finding.topics)


def test_the_question_at_the_end_of_a_book_is_found() -> None:
    assert ask("bla " * 25_000 + "\nKto jest przewodniczącym Rady Klastra?").topic == "council_chair"


@given(st.text(max_size=200), st.sampled_from(["pl", "en"]), st.sampled_from([None, "meeting_next", "x"]))
def test_any_text_gets_a_finding(text: str, locale: str, previous: str | None) -> None:
    finding = find(text, locale, KNOWLEDGE, previous)
    assert 0.0 <= finding.score <= 1.0
    assert finding.locale in {"pl", "en"}
    assert all(KNOWLEDGE.entry(topic, finding.locale) for topic in finding.topics + finding.options)


def test_an_organisation_without_usable_words_is_passed_over() -> None:
    listed = [Listed("***", ("***", ""), "members_companies"), Listed("Alfa", ("Alfa",), "members_companies")]
    knowledge = Knowledge.build((), listed)
    assert find("czy Alfa jest w klastrze?", "pl", knowledge).listed == (listed[1],)


def test_nothing_is_known_without_entries() -> None:
    empty = Knowledge.build((), ())
    assert find("kto jest przewodniczącym?", "pl", empty).topics == ()
    assert empty.entry("council_chair", "pl") is None
