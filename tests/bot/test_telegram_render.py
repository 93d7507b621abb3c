"""Long texts cut for Telegram, and keyboards laid out for phones."""

import html
import re
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bot.channels.telegram.render import keyboard, split, utf16_length
from handlers.dialogue.markup import clean_markup, plain
from handlers.dialogue.message import Option
from tests.fake_telegram.entities import visible

FAMILY = "👨‍👩‍👧"
FLAG = "🇵🇱"

_words = st.text(alphabet="aąż<>&\"' \n.é́👍🏽🇵🇱\u200d", min_size=0, max_size=60)
_tags = st.sampled_from(["b", "i", "u", "s", "code", "pre", "blockquote", "a"])


def _wrap(inner: str, tag: str) -> str:
    return f'<a href="https://x.pl/?a=1&amp;b=2">{inner}</a>' if tag == "a" else f"<{tag}>{inner}</{tag}>"


_markup = st.recursive(
    _words.map(html.escape),
    lambda inner: st.one_of(
        st.builds(_wrap, inner, _tags), st.lists(inner, min_size=2, max_size=4).map("".join)
    ),
    max_leaves=20,
)


def shown(part: str) -> str:
    return plain(Markup(part))


def squeezed(text: str) -> str:
    """Return `text` without blanks: those at a cut are dropped."""
    return re.sub(r"[ \t\n]+", "", text)


@given(dirty=_markup, limit=st.integers(min_value=12, max_value=80))
def test_parts_are_short_balanced_and_join_to_the_text(dirty: str, limit: int) -> None:
    markup = clean_markup(dirty)
    parts = split(markup, limit)
    for part in parts:
        assert utf16_length(shown(part)) <= limit
        if shown(part).strip():
            visible(part, "HTML")  # refuses what Telegram refuses: tags that do not match
    assert squeezed("".join(shown(part) for part in parts)) == squeezed(shown(markup))


@given(
    seen=st.lists(st.sampled_from(["a", "b", "👍🏽", FLAG, FAMILY, "e\u0301", "❤️", "1️⃣"]), max_size=40),
    limit=st.integers(12, 24),
)
def test_no_cut_goes_through_what_is_seen_as_one_character(seen: list[str], limit: int) -> None:
    ends = set(accumulate(len(character) for character in seen))
    parts = split("".join(seen), limit)
    assert set(accumulate(len(part) for part in parts if part)) <= ends


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("pierwszy akapit\n\ndrugi akapit", 20, ["pierwszy akapit", "drugi akapit"]),
        ("wiersz jeden\nwiersz dwa\nwiersz trzy", 25, ["wiersz jeden\nwiersz dwa", "wiersz trzy"]),
        ("Zdanie pierwsze. Zdanie drugie tu.", 25, ["Zdanie pierwsze.", "Zdanie drugie tu."]),
        ("raz dwa trzy cztery", 12, ["raz dwa trzy", "cztery"]),
        ("a" * 25, 10, ["a" * 10, "a" * 10, "a" * 5]),
        ("👍" * 9, 8, ["👍" * 4, "👍" * 4, "👍"]),
        ("a" * 6 + FAMILY, 12, ["a" * 6, FAMILY]),
        ("a" * 9 + FLAG + "b", 11, ["a" * 9, FLAG + "b"]),
        ("a" * 7 + "e\u0301" + "b" * 3, 8, ["a" * 7, "e\u0301" + "b" * 3]),
        ("tak\u00a0tak tak\u00a0tak", 12, ["tak\u00a0tak", "tak\u00a0tak"]),
        ("<b>raz dwa</b> <i>trzy cztery</i>", 9, ["<b>raz dwa</b>", "<i>trzy</i>", "<i>cztery</i>"]),
        ("<b>raz <i>dwa trzy</i></b> x", 8, ["<b>raz <i>dwa</i></b>", "<b><i>trzy</i></b> x"]),
        (
            '<a href="https://x.pl">raz dwa</a>',
            4,
            ['<a href="https://x.pl">raz</a>', '<a href="https://x.pl">dwa</a>'],
        ),
        ("&lt;&lt;&lt;&lt;&amp;&amp;&amp;&amp;", 4, ["&lt;&lt;&lt;&lt;", "&amp;&amp;&amp;&amp;"]),
        ("<pre>raz\n    dwa</pre>", 7, ["<pre>raz</pre>", "<pre>    dwa</pre>"]),
        ("raz\n\n \n\ndwa", 5, ["raz", "dwa"]),
    ],
)
def test_where_a_text_is_cut(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts


def test_a_text_that_fits_is_left_alone() -> None:
    fits = "<b>" + "ą" * 4096 + "</b>"
    assert split(fits) == [fits]
    assert len(split("👍" * 2049)) == 2


def test_a_hundred_thousand_characters_are_cut_into_full_parts() -> None:
    text = clean_markup("Zdanie o klastrze, nie za długie. " * 3000)
    parts = split(text)
    assert len(parts) <= 26
    assert all(part.endswith(".") for part in parts)


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        ([], []),
        (["Będę", "Może", "Nie będę"], [["Będę", "Może", "Nie będę"]]),
        (["Będę", "Może", "Nie będę", "Menu"], [["Będę", "Może", "Nie będę"], ["Menu"]]),
        (["1", "2", "3", "4", "5"], [["1", "2", "3"], ["4", "5"]]),
        (["1", "2", "3", "4", "5", "6"], [["1", "2", "3"], ["4", "5", "6"]]),
        (
            ["Kiedy jest następne spotkanie?", "Jak dołączyć?"],
            [["Kiedy jest następne spotkanie?"], ["Jak dołączyć?"]],
        ),
        (
            ["Tak", "Pokaż wszystkie spotkania", "Wstecz", "Anuluj"],
            [["Tak"], ["Pokaż wszystkie spotkania"], ["Wstecz", "Anuluj"]],
        ),
    ],
)
def test_short_labels_share_a_row(labels: list[str], rows: list[list[str]]) -> None:
    laid_out = keyboard([Option(label, f"/{number}") for number, label in enumerate(labels)])
    assert [[button["text"] for button in row] for row in laid_out] == rows
    values = [button["callback_data"] for row in laid_out for button in row]
    assert values == [f"/{number}" for number in range(len(labels))]
