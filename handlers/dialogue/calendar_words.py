"""The words of dates and times in Polish and English, rewritten to a small set of signs.

"We wtorek o 17" becomes "WD1 AT 17": `dates` then has to understand a handful of signs instead of two
languages, their inflection, missing Polish letters and typing errors.

Signs: WD0–WD6 (Monday to Sunday), MON1–MON12, DAY0–DAY2 (today to the day after tomorrow), NEXT, THIS, IN
("za"), AT ("o"), MINUTES, HOURS, DAYS, WEEKS, MONTHS, AM and PM. Numbers stay as they are.
"""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz.distance import OSA

_TYPO_LENGTH = 5
"""From this many letters on a word may hold one typing error; shorter words would turn into each other."""

_WEEKDAYS = (
    "pon pn poniedzialek monday mon",
    "wt wto wtorek tuesday tue tues",
    "sr sroda srode wednesday wed",
    "czw czwartek thursday thu thur thurs",
    "pt piatek friday fri",
    "sob sobota sobote saturday sat",
    "nd ndz niedz niedziela niedziele sunday sun",
)

# Roman numerals are customary for months in Poland; "i" is left out because it means "and".
_MONTHS = (
    "sty styczen stycznia styczniu january jan",
    "lut luty lutego lutym february feb ii",
    "mar marzec marca marcu march iii",
    "kwi kwiecien kwietnia kwietniu april apr iv",
    "maj maja maju may v",
    "cze czerwiec czerwca czerwcu june jun vi",
    "lip lipiec lipca lipcu july jul vii",
    "sie sierpien sierpnia sierpniu august aug viii",
    "wrz wrzesien wrzesnia wrzesniu september sep sept ix",
    "paz pazdziernik pazdziernika pazdzierniku october oct x",
    "lis listopad listopada listopadzie november nov xi",
    "gru grudzien grudnia grudniu december dec xii",
)

# "o siedemnastej", "godzina siedemnasta": the endings "-ej" and "-a" of the hour's ordinal.
_HOURS = (
    "pierwsz drug trzeci czwart piat szost siodm osm dziewiat dziesiat jedenast dwunast trzynast "
    "czternast pietnast szesnast siedemnast osiemnast dziewietnast dwudziest"
)

_NUMBERS = {
    1: "jeden jedna jedno one",
    2: "dwa dwie two",
    3: "trzy three",
    4: "cztery four",
    5: "piec five",
    6: "szesc six",
    7: "siedem seven",
    8: "osiem eight",
    9: "dziewiec nine",
    10: "dziesiec",
    11: "jedenascie eleven",
    12: "dwanascie twelve",
    15: "pietnascie fifteen",
    20: "dwadziescia twenty",
    30: "trzydziesci thirty",
}

_OTHERS = {
    "DAY0": "dzis dzisiaj today",
    "DAY0 PM": "tonight",
    "DAY1": "jutro tomorrow",
    "DAY2": "pojutrze",
    "NEXT": "przyszly przyszla przyszlym nastepny nastepna nastepnym kolejny kolejna kolejnym next",
    "THIS": "ten te ta tym najblizszy najblizsza nadchodzacy nadchodzaca this coming",
    "IN": "za in",
    "AT": "o od at from",
    "MINUTES": "min minuta minute minuty minut minutes mins",
    "HOURS": "h g godz godzina godzine godziny godzin godzinie hour hours hrs",
    "DAYS": "dzien dni day days",
    "WEEKS": "tydzien tygodnie tygodni tygodniu week weeks",
    "MONTHS": "miesiac miesiace miesiecy month months",
    "AM": "am rano morning",
    "PM": "pm wieczorem wieczor popoludniu afternoon evening",
    "12:00": "poludnie noon midday",
    "": "w we na dnia dn on the of r roku a an and samo",
}


def _rows() -> Iterable[tuple[str, str]]:
    """Return each sign with its words, separated by spaces."""
    yield from ((f"WD{number}", words) for number, words in enumerate(_WEEKDAYS))
    yield from ((f"MON{number}", words) for number, words in enumerate(_MONTHS, start=1))
    yield from ((f"AT {number}", f"{stem}a {stem}ej") for number, stem in enumerate(_HOURS.split(), start=1))
    yield "AT 2", "drugiej"  # the one hour whose ending is not regular
    yield from ((str(number), words) for number, words in _NUMBERS.items())
    yield from _OTHERS.items()


_SIGN_OF = {word: sign for sign, words in _rows() for word in words.split()}
_LONG_WORDS = tuple(word for word in _SIGN_OF if len(word) >= _TYPO_LENGTH)

_PHRASES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\bpo poludniu\b", "pm"),
        (r"\bprzed poludniem\b", "am"),
        (r"\bday after tomorrow\b", "pojutrze"),
        (r"\b(at|in) ten\b", r"\1 10"),  # otherwise it is the Polish "ten", this
        (r"\bpol godziny\b|\bhalf an hour\b", "30 min"),
        (r"\bpoltorej godziny\b", "90 min"),
        (r"\bkwadrans\b", "15 min"),
        (r"(?<![a-z])([ap])\.\s?m\b\.?", r"\1m"),
        (r"(?<=[0-9])t(?=[0-9])", " "),  # ISO 8601: 2026-12-01T17:00
        (r"(?<=[0-9])-?(?:st|nd|rd|th|go|ego|ta|tej|sta|stej|sza|szej|ga|giej|cia|ciej|ma|mej)\b", ""),
    )
)
_WORD = re.compile(r"[^\W\d_]+\.?")
_SEPARATORS = re.compile(r"[\s,;!()]+")


def signs(text: str) -> str | None:
    """Return the text in signs and numbers, or None when it holds a word that no date holds."""
    plain = _plain(text)
    for pattern, replacement in _PHRASES:
        plain = pattern.sub(replacement, plain)
    words = {match: _sign(match.rstrip(".")) for match in set(_WORD.findall(plain))}
    if None in words.values():
        return None
    return _SEPARATORS.sub(" ", _WORD.sub(lambda match: f" {words[match[0]]} ", plain)).strip()


def _plain(text: str) -> str:
    """Return the text in small letters without diacritics, emoji and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text.casefold()).replace("ł", "l")
    kept = (c for c in decomposed if unicodedata.category(c) not in {"Mn", "Me", "So", "Sk", "Cf"})
    return _SEPARATORS.sub(" ", "".join(kept))


def _sign(word: str) -> str | None:
    """Return the sign of a word, forgiving one typing error in a long one; None for a foreign word."""
    if word in _SIGN_OF or len(word) < _TYPO_LENGTH:
        return _SIGN_OF.get(word)
    near = {_SIGN_OF[known] for known in _LONG_WORDS if OSA.distance(word, known, score_cutoff=1) <= 1}
    return near.pop() if len(near) == 1 else None
