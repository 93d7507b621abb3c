"""The ranking of topics by what was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.dialogue.folding import fold
from handlers.questions.ranking import Phrasing, Ranker
from handlers.questions.words import MAX_CHARACTERS, clauses, shorten, without_courtesies

RANKER = Ranker(
    [
        Phrasing("chair", "pl", "Kto jest przewodniczącym Rady?"),
        Phrasing("chair", "en", "Who chairs the council?"),
        Phrasing("fee", "pl", "Ile kosztuje członkostwo?"),
        Phrasing("fee", "pl", "jaka jest składka"),
        Phrasing("meeting", "pl", "Kiedy następne spotkanie?"),
        Phrasing("meeting", "en", "When is the next meeting?"),
    ]
)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("kto jest przewodniczacym rady", "chair"),
        ("kto jset przewodnicacym rayd", "chair"),
        ("przewodniczącego Rady kto to jest", "chair"),
        ("ile kosztuje czlonkowstwo", "fee"),
        ("składki jakie są", "fee"),
        ("kiedy zebranie", "meeting"),
        ("next meting when", "meeting"),
    ],
)
def test_the_best_topic_survives_how_people_type(text: str, topic: str) -> None:
    assert RANKER.rank(text)[0].topic == topic


def test_a_phrasing_itself_scores_high_and_strange_words_score_nothing() -> None:
    assert RANKER.rank("Kto jest przewodniczącym Rady?")[0].score > 0.7
    assert RANKER.rank("ξψω") == []


@given(st.text(max_size=300))
def test_scores_fall_and_lie_between_zero_and_one(text: str) -> None:
    scores = [one.score for one in RANKER.rank(text)]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


def test_an_empty_index_ranks_nothing() -> None:
    assert Ranker([]).rank("kto jest przewodniczącym?") == []


def test_folding_drops_diacritics_only() -> None:
    assert fold("Zażółć gęślą JAŹŃ, ÉŘ 12") == "zazolc gesla jazn, er 12"


def test_a_long_text_keeps_both_ends() -> None:
    kept = shorten("początek " + "x" * 5_000 + " koniec")
    assert kept.startswith("początek")
    assert kept.endswith("koniec")
    assert len(kept) <= MAX_CHARACTERS + 1


def test_courtesies_are_cut_off_unless_they_are_all() -> None:
    assert without_courtesies("dzien dobry, kiedy spotkanie? z gory dziekuje") == "kiedy spotkanie"
    assert without_courtesies("dzien dobry") == "dzien dobry"


def test_two_question_words_share_the_rest() -> None:
    assert clauses("kiedy i gdzie podpisano?") == ["kiedy podpisano?", "gdzie podpisano?"]
    assert clauses("kto jest szefem, a ile to kosztuje") == ["kto jest szefem", "ile to kosztuje"]
