"""Markup as nodes: what the page shows is what was said, and nothing in it can act."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bot.channels.web.nodes import MAX_DEPTH, Node, nodes_of
from handlers.dialogue.markup import TAGS, URL_SCHEMES, clean_markup, plain


def link(url: str) -> Node:
    return {"t": "a", "href": url, "c": [url]}


@pytest.mark.parametrize(
    ("markup", "nodes"),
    [
        ("", []),
        ("a &lt;b&gt; &amp;amp;", ["a <b> &amp;"]),
        ("<b>a<i>b</i></b>c", [{"t": "b", "c": ["a", {"t": "i", "c": ["b"]}]}, "c"]),
        ("<b>a", [{"t": "b", "c": ["a"]}]),
        ("a</b>", ["a"]),
        ("<b><i>a</b>b", [{"t": "b", "c": [{"t": "i", "c": ["a"]}]}, "b"]),
        ("<img src=x onerror=alert(1)>a", ["a"]),
        ("<script>alert(1)</script>", ["alert(1)"]),
        ('<a href="javascript:alert(1)">a</a>', ["a"]),
        ('<a href="/x">a</a>', ["a"]),
        ('<a href="mailto:a@b.pl" onclick="x">a</a>', [{"t": "a", "href": "mailto:a@b.pl", "c": ["a"]}]),
        ("zob. https://a.pl/b?c=1.", ["zob. ", link("https://a.pl/b?c=1"), "."]),
        ("(https://a.pl/x_(y))", ["(", link("https://a.pl/x_(y)"), ")"]),
        ("„https://a.pl”, http://b.pl", ["„", link("https://a.pl"), "”, ", link("http://b.pl")]),
        ("https://[", ["https://["]),
        ("<code>https://a.pl</code>", [{"t": "code", "c": ["https://a.pl"]}]),
        ("<blockquote>a</blockquote>\nb", [{"t": "blockquote", "c": ["a"]}, "b"]),
    ],
)
def test_markup_becomes_nodes(markup: str, nodes: list[Node]) -> None:
    assert nodes_of(Markup(markup)) == nodes


def text_of(nodes: list[Node]) -> str:
    return "".join(node if isinstance(node, str) else text_of(node["c"]) for node in nodes)


@given(st.text().map(Markup.escape) | st.text().map(clean_markup))
def test_no_text_is_lost(markup: Markup) -> None:
    if "<blockquote>" not in markup and "<pre>" not in markup:
        assert text_of(nodes_of(markup)) == plain(markup)


pieces = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<a href='javascript:x'>",
        "<a href=https://a.pl>",
        "</a>",
        "<img onerror=x>",
        "<script>",
        "<!--",
        "-->",
        "<pre>",
        "</pre>",
        "https://b.pl",
        "&lt;",
        "x",
        "\n",
        "<",
        ">",
    ]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_whatever_comes_only_our_elements_are_made(markup: str) -> None:
    def check(node: Any) -> None:
        if isinstance(node, str):
            return
        assert set(node) <= {"t", "c", "href"}
        assert node["t"] in TAGS
        assert ("href" in node) == (node["t"] == "a")
        assert node.get("href", "https:").partition(":")[0] in URL_SCHEMES
        for child in node["c"]:
            check(child)

    for node in nodes_of(Markup(markup)):
        check(node)


def test_depth_is_bounded() -> None:
    nodes = nodes_of(Markup("<b>") * 50_000 + "x" + Markup("</b>") * 50_000)
    assert json.dumps(nodes).count('"t"') == MAX_DEPTH
    assert text_of(nodes) == "x"
