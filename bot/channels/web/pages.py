"""What the web chat shows: the page, its files, and plain pages such as the one on privacy."""

import hashlib
import html
import json
import re
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from handlers.dialogue.markup import plain
from handlers.dialogue.texts import LOCALES, N_, texts_for
from storage.files import MAX_FILE_BYTES

_HERE = Path(__file__).parent
_TYPES: Final = {
    "chat.js": "text/javascript",
    "chat.css": "text/css",
    "icon.svg": "image/svg+xml",
    "manifest.webmanifest": "application/manifest+json",
}
_FILES: Final = {name: (_HERE / name).read_bytes() for name in _TYPES}
_VERSION: Final = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]

_CHROME: Final = {
    "skip": N_("Skip to the message field"),
    "subtitle": N_("The municipal cluster's assistant"),
    "menu": N_("Menu"),
    "menu_long": N_("Menu: what I can help with"),
    "language": N_("Change the language"),
    "conversation": N_("Conversation"),
    "typing": N_("The bot is writing…"),
    "newer": N_("New message"),
    "field": N_("Your message"),
    "placeholder": N_("Write a message…"),
    "send": N_("Send"),
    "attach": N_("Attach a picture or a file"),
    "download": N_("Download:"),
    "too_big": N_("This file is too big. At most 5 MB can be sent."),
    "choose_again": N_("Please choose the file once more."),
    "automaton": N_("You are talking to a computer program."),
    "privacy": N_("Privacy"),
    "back": N_("Back to the chat"),
    "offline": N_("Connection lost. Reconnecting…"),
    "elsewhere": N_("The chat is open in too many tabs. Close some of them and reload this page."),
    "unsent": N_("Not sent."),
    "retry": N_("Try again"),
    "you": N_("You:"),
    "bot": N_("Bot:"),
    "noscript": N_("The chat needs JavaScript. Please turn it on in your browser and reload the page."),
}
_OTHER: Final = {"pl": ("en", "English"), "en": ("pl", "Polski")}


def language_asked(request: Request) -> str:
    """Return the one of our languages that the browser asks for first, the default if it asks for none.

    A browser that asks only for other languages gets English.
    """
    ranges = request.headers.get("accept-language", "").split(",")
    asked = sorted(filter(None, map(_range, ranges)), reverse=True)
    for _, language in asked:
        if language in LOCALES:
            return language
    foreign = any(language != "*" for _, language in asked)
    return "en" if foreign else LOCALES[0]


def _range(text: str) -> tuple[float, str] | None:
    """Return the weight and language of one range of the header; None when it is malformed or refused."""
    match = re.fullmatch(r"\s*(\*|[A-Za-z]{1,8})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", text)
    if match is None:
        return None
    weight = float(match[2] or 1)
    return (weight, match[1].lower()) if weight > 0 else None


class Pages:
    """Makes the answers that a browser shows or loads."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Take the time zone of the texts."""
        self._zone = zone
        self._chat = Template((_HERE / "page.html").read_text(encoding="utf-8"))
        self._plain = Template((_HERE / "plain.html").read_text(encoding="utf-8"))

    def chat(self, locale: str) -> Response:
        """Return the page of the chat."""
        page = self._chat.substitute(self._chrome(locale))
        return HTMLResponse(page, headers={"Cache-Control": "private, no-cache", "Vary": "Accept-Language"})

    def text(self, locale: str, title: str, body: Markup, status: int = 200) -> Response:
        """Return a plain page with a heading (an English message) and clean markup."""
        words = self._chrome(locale) | {"title": self.say(locale, title), "body": str(body)}
        page = self._plain.substitute(words)
        return HTMLResponse(page, status, headers={"Vary": "Accept-Language"})

    def say(self, locale: str, message: str) -> str:
        """Return a text of ours in a language, safe in HTML and in its attributes."""
        return html.escape(plain(texts_for(locale, self._zone)(message)))

    def refusal(self, locale: str, message: str, status: int) -> Response:
        """Return an error for the script of the page: JSON with one sentence for the person."""
        sentence = plain(texts_for(locale, self._zone)(message))
        # The rest of what came too slowly is not waited for.
        headers = {"Connection": "close"} if status == HTTPStatus.REQUEST_TIMEOUT else None
        return Response(json.dumps({"error": sentence}), status, headers, "application/json")

    def file(self, request: Request) -> Response | None:
        """Return one of the page's files; None when there is no such file."""
        name = request.path_params["name"]
        if name not in _FILES:
            return None
        known = request.query_params.get("v") == _VERSION
        cache = "public, max-age=31536000, immutable" if known else "no-cache"
        return Response(_FILES[name], media_type=_TYPES[name], headers={"Cache-Control": cache})

    def _chrome(self, locale: str) -> dict[str, str]:
        words = {key: self.say(locale, message) for key, message in _CHROME.items()}
        other, other_name = _OTHER[locale]
        return words | {
            "lang": locale,
            "other": other,
            "other_name": other_name,
            "version": _VERSION,
            "limit": str(MAX_FILE_BYTES),
        }
