"""Our markup as a tree of JSON nodes, out of which the page builds its elements without any HTML.

A node is a string (text) or {"t": tag, "c": [nodes]}, with "href" where the tag is "a".
"""

import re
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup

from handlers.dialogue.markup import TAGS, URL_SCHEMES

Node = str | dict[str, Any]

MAX_DEPTH: Final = 20
"""How deep elements may lie in each other: further ones show only what they contain."""

_URL = re.compile(r"https?://[^\s<>\"„”«»]+")
_URL_END = ".,;:!?'*_"
_NO_LINKS_INSIDE = {"a", "code", "pre"}


def nodes_of(markup: Markup) -> list[Node]:
    """Return clean markup as nodes; bare http(s) addresses in the text become links."""
    builder = _Builder()
    builder.feed(str(markup))
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    """Builds the tree while the parser walks the markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Node] = []
        self._open: list[tuple[str, list[Node]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element of our subset; any other tag disappears and its content stays."""
        if tag == "br":
            self._children().append("\n")
        if tag not in TAGS or len(self._open) >= MAX_DEPTH:
            return
        node: dict[str, Any] = {"t": tag, "c": []}
        if tag == "a":
            href = dict(attrs).get("href") or ""
            if not _is_safe(href):
                return
            node["href"] = href
        self._children().append(node)
        self._open.append((tag, node["c"]))

    def handle_endtag(self, tag: str) -> None:
        """Close the element together with what was left open in it."""
        if any(tag == opened for opened, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Add text, with the bare addresses in it as links where a link may stand."""
        if _is_block(self._children()[-1:]):
            # A block ends its line by itself: the line break after it would leave an empty line.
            data = data.removeprefix("\n")
        if any(tag in _NO_LINKS_INSIDE for tag, _ in self._open):
            self._children().extend([data] if data else [])
        else:
            self._children().extend(_linked(data))

    def _children(self) -> list[Node]:
        return self._open[-1][1] if self._open else self.root


def _is_block(last: list[Node]) -> bool:
    return any(isinstance(node, dict) and node["t"] in {"blockquote", "pre"} for node in last)


def _is_safe(href: str) -> bool:
    try:
        return urlsplit(href).scheme in URL_SCHEMES
    except ValueError:
        return False


def _linked(text: str) -> list[Node]:
    """Return text split into text and links; punctuation that ends a sentence is no part of a link."""
    found: list[Node] = []
    end = 0
    for match in _URL.finditer(text):
        url = _trimmed(match[0])
        if not _is_safe(url):
            continue
        found += [text[end : match.start()], {"t": "a", "href": url, "c": [url]}]
        end = match.start() + len(url)
    found.append(text[end:])
    return [node for node in found if node]


def _trimmed(url: str) -> str:
    url = url.rstrip(_URL_END)
    while url.endswith(")") and url.count(")") > url.count("("):
        url = url[:-1].rstrip(_URL_END)
    return url
