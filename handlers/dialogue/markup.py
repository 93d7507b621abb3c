"""The markup of our messages: a small subset of HTML that every channel can show.

Tags: b, i, u, s, code, pre, blockquote and a[href]. A line break is a plain newline.
`markupsafe.Markup` marks text which is clean; whatever is formatted into a `Markup` is escaped by it.
"""

import html
import re
import unicodedata

import nh3
from markupsafe import Markup

TAGS = frozenset({"b", "i", "u", "s", "code", "pre", "blockquote", "a"})
URL_SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_SYNONYMS = re.compile(r"<(/?)(strong|em|ins|strike|del)\b", re.IGNORECASE)
_SYNONYM_OF = {"strong": "b", "em": "i", "ins": "u", "strike": "s", "del": "s"}
_TAG = re.compile(r"<[^>]*>")
_BLANK_LINES = re.compile(r"\n{3,}")
# Cc and Cs are never text; Cf holds zero-width and bidirectional controls, which can make a text read
# differently from what it is. The zero-width joiner stays: emoji sequences need it.
_KEPT = {"\n", "\t", "\u200d"}
_LOOSE_JOINERS = re.compile("(?<!\\S)\u200d+|(?<!\u200d)\u200d++(?!\\S)")


def clean_text(text: str) -> str:
    """Return typed text in NFC without control, bidirectional and zero-width characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept = (c for c in text if c in _KEPT or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    joined = _LOOSE_JOINERS.sub("", unicodedata.normalize("NFC", "".join(kept)))
    return _BLANK_LINES.sub("\n\n", joined).strip()


def clean_markup(dirty: str) -> Markup:
    """Return foreign HTML reduced to our subset, balanced and with safe links only."""
    renamed = _SYNONYMS.sub(lambda m: f"<{m[1]}{_SYNONYM_OF[m[2].lower()]}", dirty)
    cleaned = nh3.clean(
        clean_text(renamed),
        tags=set(TAGS),
        attributes={"a": {"href"}},
        url_schemes=set(URL_SCHEMES),
        link_rel=None,
    )
    return Markup(cleaned)  # noqa: S704 - this is the function that cleans


def plain(markup: Markup) -> str:
    """Return the text of clean markup without its tags and with its entities resolved."""
    return html.unescape(_TAG.sub("", str(markup)))
