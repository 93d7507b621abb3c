"""Telegram's HTML: what is visible of it, and what Telegram refuses."""

import html
import re
from typing import Any

TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024

# Bot API, "HTML style".
_TAGS = frozenset(
    {
        "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "tg-emoji",
        "tg-time", "code", "pre", "blockquote",
    }
)  # fmt: skip
_TOKEN = re.compile(r"<(/?)([a-z-]+)[^<>]*>|<", re.IGNORECASE)


class Refused(Exception):
    """Telegram refuses a call with `status`, `description` and perhaps ResponseParameters."""

    def __init__(self, description: str, status: int = 400, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.status = status
        self.parameters = parameters


def visible(text: str, parse_mode: str | None) -> str:
    """Return what a reader sees of `text`; raises `Refused` as Telegram does."""
    shown = _parse(text) if parse_mode == "HTML" else text
    if not shown.strip():
        raise Refused("Bad Request: message text is empty")
    if 2 * len(shown) > TEXT_LIMIT and len(shown.encode("utf-16-le")) > 2 * TEXT_LIMIT:
        raise Refused("Bad Request: message is too long")
    return shown.strip()


def visible_caption(text: str, parse_mode: str | None) -> str:
    """Return what a reader sees of a caption, which may be empty; raises `Refused` as Telegram does."""
    shown = _parse(text) if parse_mode == "HTML" else text
    if len(shown.encode("utf-16-le")) > 2 * CAPTION_LIMIT:
        raise Refused("Bad Request: message caption is too long")
    return shown.strip()


def _parse(text: str) -> str:
    if "<" not in text:
        return html.unescape(text)
    pieces, at, stack = [], 0, list[str]()
    for token in _TOKEN.finditer(text):
        pieces.append(text[at : token.start()])
        at = token.end()
        _follow(stack, token)
    if stack:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{stack[-1]}"')
    return html.unescape("".join([*pieces, text[at:]]))


def _follow(stack: list[str], token: re.Match[str]) -> None:
    name, place = (token[2] or "").lower(), f"at byte offset {token.start()}"
    if name not in _TAGS:
        raise _unparsable(f'Unsupported start tag "{name}" {place}')
    if not token[1]:
        stack.append(name)
    elif not stack:
        raise _unparsable(f"Unexpected end tag {place}")
    elif (opened := stack.pop()) != name:
        raise _unparsable(f'Unmatched end tag {place}, expected "</{opened}>", found "</{name}>"')


def _unparsable(why: str) -> Refused:
    return Refused(f"Bad Request: can't parse entities: {why}")
