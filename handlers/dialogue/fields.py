"""What the fields of several forms have in common: reading and showing lines, paragraphs and moments."""

import unicodedata
from dataclasses import replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import DateError, explain, parse_when, say_moment
from handlers.dialogue.form import Field

MAX_DIGITS = 10
"""How many digits the largest id has."""

# Unicode calls them letters, but nothing is to be seen of them.
BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")


def read_line(ctx: Context, text: str, limit: int) -> str:
    """Return a short text on one line; raises UserError without a letter or with over `limit` characters."""
    if not any(unicodedata.category(c)[0] in "LN" and c not in BLANK_LETTERS for c in text):
        raise UserError(ctx.t("I see no letters there. Please write it in words."))
    return read_paragraphs(ctx, " ".join(text.split()), limit)


def read_name(ctx: Context, text: str, limit: int) -> str:
    """Return a name; raises UserError for what `read_line` refuses and for a question."""
    if "?" in text:
        raise UserError(ctx.t("That looks like a question. Please answer this one first, or cancel."))
    return read_line(ctx, text, limit)


def read_paragraphs(ctx: Context, text: str, limit: int) -> str:
    """Return a text as it was typed; raises UserError when it is longer than `limit` characters."""
    if len(text) > limit:
        raise UserError(
            ctx.t.plural(
                "That is {count} character too long. Please shorten it.",
                "That is {count} characters too long. Please shorten it.",
                len(text) - limit,
            )
        )
    return text


def read_moment(ctx: Context, text: str) -> str:
    """Return a coming moment, typed as people do, in ISO format and UTC; raises UserError for others."""
    try:
        return parse_when(text, ctx.now, ctx.site.zone).isoformat()
    except DateError as error:
        raise UserError(ctx.t(explain(error))) from None


def line_field(name: str, label: str, question: str, limit: int) -> Field:
    """Return a field for a short text on one line; `label` and `question` are English message ids."""
    return Field(
        name=name,
        label=label,
        ask=lambda ctx, _: ctx.t(question),
        read=lambda ctx, text: read_line(ctx, text, limit),
        show=show_text,
    )


def name_field(name: str, label: str, question: str, limit: int) -> Field:
    """Return a field for a name; it is as `line_field`, but a question typed there is not taken for one."""
    return replace(
        line_field(name, label, question, limit), read=lambda ctx, text: read_name(ctx, text, limit)
    )


def show_text(_ctx: Context, value: Any) -> Markup:
    """Return a text or number, escaped."""
    return Markup("{}").format(value)


def show_moment(ctx: Context, value: Any) -> Markup:
    """Return a moment in ISO format as people say it."""
    return say_moment(datetime.fromisoformat(value), ctx.now, ctx.t)


def is_id(text: str) -> bool:
    """Return whether a text can be the id of a row: a number that a 32-bit integer holds."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) < 2**31
