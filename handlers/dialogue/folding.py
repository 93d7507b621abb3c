"""Folding: how a text is compared with another whatever its letter case and diacritics."""

import unicodedata

# What Unicode does not decompose, and the Polish letters, which then need no decomposing.
_LETTERS = str.maketrans("ąćęłńóśżźßđøı’", "acelnoszzsdoi'")


def fold(text: str) -> str:
    """Return a text in lower case without Polish and other diacritics, as people type it in a hurry."""
    text = text.lower().translate(_LETTERS)
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
