"""Texts in the person's language: gettext messages, plurals and dates.

A message's id is its English text; `locales/pl.po` holds the Polish one, and a test fails when an entry is
missing there or is no longer used. Placeholders are named and are escaped as markup when filled in.
"""

import gettext
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

LOCALES = ("pl", "en")
"""The languages spoken, the default one first."""

CATALOGUES = Path(__file__).parent.parent / "locales"


def N_(message: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a message for extraction and return it as it is, to be translated when it is said."""
    return message


class Texts:
    """One language and time zone; called with an English message, it returns the translated markup."""

    def __init__(self, locale: str, zone: ZoneInfo) -> None:
        """Take a locale out of `LOCALES` and the time zone that dates are said in."""
        self.locale = locale
        self.zone = zone
        self._catalogue = _catalogue(locale)

    def __call__(self, message: str, /, **values: object) -> Markup:
        """Return the message in this language with its placeholders filled in, values escaped."""
        return Markup(self._catalogue.gettext(message)).format(**values)  # noqa: S704 - our own text

    def plural(self, one: str, many: str, count: int, /, **values: object) -> Markup:
        """Return the form of a message that goes with `count`, which also fills the placeholder {count}."""
        chosen = self._catalogue.ngettext(one, many, count)
        return Markup(chosen).format(count=count, **values)  # noqa: S704 - our own text


@cache
def texts_for(locale: str | None, zone: ZoneInfo) -> Texts:
    """Return the texts for a language code as platforms send it ("pl", "en-GB", None: the default)."""
    language = (locale or "").split("-")[0].split("_")[0].lower()
    if not language or language in LOCALES:
        return Texts(language or LOCALES[0], zone)
    return Texts("en", zone)


@cache
def _catalogue(locale: str) -> gettext.NullTranslations:
    """Return a language's messages; English ones are the message ids themselves."""
    path = CATALOGUES / f"{locale}.po"
    if not path.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=locale))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


Said = Callable[[Texts], Markup]
"""A text that is not bound to a language yet."""
