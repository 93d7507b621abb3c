"""The texts in both languages: complete, well-formed, in the right plural form, and escaped."""

import gettext
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from markupsafe import Markup

import handlers
from handlers.dialogue.markup import TAGS, clean_markup
from handlers.dialogue.router import Router
from handlers.dialogue.texts import CATALOGUES, LOCALES, texts_for
from handlers.questions.entries import load_shipped
from handlers.questions.library import Library
from tests.talk import WARSAW

ROOT = Path(handlers.__file__).parent.parent
KEYWORDS = {"t": None, "plural": (1, 2), "N_": None}
ORIGINALS = {"en": 2, "pl": 3}

Id = str | tuple[str, str]

# Which of the three Polish forms goes with a number (CLDR: one, few, many): 0 osób, 1 osoba, 2 osoby …
FORMS = {0: 2, 1: 0, 2: 1, 4: 1, 5: 2, 11: 2, 12: 2, 14: 2, 21: 2, 22: 1, 25: 2, 101: 2, 112: 2}

# What stands behind "około": the genitive is the same for few and many.
GENITIVES = {"{count} hours", "{count} minutes"}


@cache
def extracted() -> dict[Id, str]:
    """Return every message in the program, each with a place where it stands."""
    found: dict[Id, str] = {}
    for folder in ("handlers", "bot"):
        rows = extract_from_dir(
            ROOT / folder, method_map=[("**.py", "python")], options_map={}, keywords=KEYWORDS
        )
        for file, line, message, _, _ in rows:
            found[message if isinstance(message, str) else (message[0], message[1])] = f"{file}:{line}"
    return found


@cache
def catalogue() -> Catalog:
    """Return the Polish catalogue."""
    with (CATALOGUES / "pl.po").open("rb") as source:
        return read_po(source, locale="pl", abort_invalid=True)


@cache
def messages() -> list[Message]:
    """Return the messages of the Polish catalogue without its header."""
    return [message for message in catalogue() if message.id]


def plural_messages() -> list[Message]:
    """Return the messages that depend on a number."""
    return [message for message in messages() if message.pluralizable]


def texts_of(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Return the one text of an id or translation, or all of its forms."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def pairs() -> Iterator[tuple[str, str]]:
    """Yield each translation with the original that it must agree with: the last one, the plural."""
    for message in messages():
        original = texts_of(message.id)[-1]
        yield from ((original, form) for form in texts_of(message.string))


def test_every_message_is_translated() -> None:
    known = {message.id for message in messages() if all(texts_of(message.string))}
    assert {one: place for one, place in extracted().items() if one not in known} == {}


def test_every_translation_is_used() -> None:
    assert {message.id for message in messages()} - set(extracted()) == set()
    assert not catalogue().obsolete


def test_no_translation_is_a_guess() -> None:
    assert [message.id for message in messages() if message.fuzzy] == []


def test_the_extraction_finds_what_there_is() -> None:
    assert len(extracted()) > 100
    assert "Menu" in extracted()
    assert any(isinstance(one, tuple) for one in extracted())


def test_a_message_is_written_where_it_can_be_found() -> None:
    """A text put together at run time is not extracted: `t(f"…")`, `t("…" + x)`."""
    call = re.compile(
        r"\b(?:ctx\.t|self\.t|t|texts|asker\.t)(?:\.plural)?\(\s*(?:f[\"']|[\"'][^\"'\n]*[\"']\s*[+%])"
    )
    for folder in ("handlers", "bot"):
        for path in (ROOT / folder).rglob("*.py"):
            assert call.findall(path.read_text(encoding="utf-8")) == [], path


def fields(text: str) -> list[str]:
    """Return the placeholders of a text; raises ValueError when it is malformed."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_placeholders_agree() -> None:
    wrong = {form: original for original, form in pairs() if set(fields(form)) != set(fields(original))}
    assert wrong == {}


def test_placeholders_are_named() -> None:
    assert [
        one for message in messages() for one in texts_of(message.id) if {"", "0"} & set(fields(one))
    ] == []


def tags(text: str) -> list[str]:
    """Return the tags of a text."""
    return sorted(re.findall(r"</?[a-z]+[^>]*>", text))


def test_tags_agree() -> None:
    assert {form: original for original, form in pairs() if tags(form) != tags(original)} == {}


def test_every_text_is_clean_markup() -> None:
    for text in {one for pair in pairs() for one in pair}:
        assert set(re.findall(r"</?([a-z]+)", text)) <= TAGS, text
        assert clean_markup(text) == text.replace("&", "&amp;").strip(), text


def test_both_texts_begin_and_end_alike() -> None:
    """A missing full stop or line break shows; a question stays a question."""
    for original, form in pairs():
        assert (form[:1].isspace(), form[-1:].isspace()) == (original[:1].isspace(), original[-1:].isspace())
        assert (form[-1] in ".?!…:") == (original[-1] in ".?!…:"), (original, form)
        assert ("?" in form) == ("?" in original), (original, form)


@pytest.mark.parametrize("message", plural_messages(), ids=lambda message: message.id[1])
def test_there_are_three_polish_forms_and_each_number_gets_its_own(message: Message) -> None:
    assert catalogue().num_plurals == ORIGINALS["pl"]
    forms = texts_of(message.string)
    assert len(forms) == ORIGINALS["pl"]
    distinct = 2 if message.id[1] in GENITIVES else ORIGINALS["pl"]
    assert len(set(forms)) == distinct, "each of one, few and many has its own words"
    names = {name: "x" for name in fields(message.id[1]) if name != "count"}
    for count, form in FORMS.items():
        said = texts_for("pl", WARSAW).plural(message.id[0], message.id[1], count, **names)
        assert said == forms[form].format(count=count, **names), count


@pytest.mark.parametrize("message", plural_messages(), ids=lambda message: message.id[1])
def test_english_has_two_forms(message: Message) -> None:
    names = {name: "x" for name in fields(message.id[1]) if name != "count"}
    for count in FORMS:
        said = texts_for("en", WARSAW).plural(message.id[0], message.id[1], count, **names)
        assert said == message.id[count != 1].format(count=count, **names), count


def test_every_command_is_described_in_both_languages() -> None:
    router: Router = handlers.build_router(Library())
    described = [command for command in router.commands if command.summary]
    assert len(described) >= 6
    polish, english = (router.menu(texts_for(locale, WARSAW), coordinates=True) for locale in LOCALES)
    for command, (name_pl, said_pl), (name_en, said_en) in zip(described, polish, english, strict=True):
        assert (name_pl, name_en) == (command.polish, command.english)
        assert said_pl != said_en == command.summary
        assert len(said_pl) <= 256  # Bot API, BotCommand
        assert len(said_en) <= 256


def test_command_names_are_what_every_platform_takes() -> None:
    for command in handlers.build_router(Library()).commands:
        for name in (command.polish, command.english):
            assert re.fullmatch(r"[a-z0-9_]{1,32}", name), name  # Bot API, BotCommand


@pytest.mark.parametrize("locale", LOCALES)
def test_values_are_escaped_and_markup_is_kept(locale: str) -> None:
    t = texts_for(locale, WARSAW)
    evil = "<script>alert(1)</script> & {name} %s"
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {name} %s"
    assert escaped in t("<b>An application to join: {name}</b>", name=evil)
    assert "<b>" in t("<b>An application to join: {name}</b>", name=evil)
    assert "<i>kept</i>" in t("Agenda: {agenda}", agenda=Markup("<i>kept</i>"))
    assert escaped in t.plural("{count}: {name}", "{count}: {name}", 5, name=evil)


@pytest.mark.parametrize(
    ("code", "locale"),
    [("pl", "pl"), ("pl-PL", "pl"), ("PL", "pl"), (None, "pl"), ("", "pl"), ("en_GB", "en"), ("de", "en")],
)
def test_the_language_of_a_platform_is_understood(code: str | None, locale: str) -> None:
    assert texts_for(code, WARSAW).locale == locale


def test_the_header_tells_the_polish_rule() -> None:
    rule = gettext.c2py(catalogue().plural_expr)
    assert {count: rule(count) for count in FORMS} == FORMS


def test_the_knowledge_of_both_languages_has_the_same_topics() -> None:
    entries, _ = load_shipped()
    topics = {locale: {entry.topic for entry in entries if entry.locale == locale} for locale in LOCALES}
    assert topics["pl"] == topics["en"]
    assert len(topics["pl"]) > 30
    assert {entry.locale for entry in entries} == set(LOCALES)
    assert len(entries) == len({(entry.topic, entry.locale) for entry in entries})
    kinds = {
        locale: {entry.topic: entry.kind for entry in entries if entry.locale == locale} for locale in LOCALES
    }
    assert kinds["pl"] == kinds["en"]
