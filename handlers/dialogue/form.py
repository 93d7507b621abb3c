"""What a form is: its questions, and what is done with the answers once they are confirmed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from handlers.dialogue.command import Role
from handlers.dialogue.context import Context
from handlers.dialogue.message import Attached, FileRef
from handlers.dialogue.texts import N_

Values = dict[str, Any]
"""What was answered so far, by field name; JSON values, None for a skipped field."""


def _always(_values: Values) -> bool:
    """Return that a field is asked for."""
    return True


def _no_choices(_ctx: Context, _values: Values) -> Sequence[tuple[Markup, str]]:
    """Return that a field offers nothing to choose from."""
    return ()


def _no_file(_ctx: Context, _values: Values) -> None:
    """Return that no file is shown with a summary."""


def _save(_values: Values) -> str:
    """Return the usual label of the option that completes a form."""
    return N_("Save")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question of a form.

    `label` names it in the summary (an English message id). `ask` returns the question. `read` turns what
    was typed into a JSON value or raises a `UserError`; None: only the `choices` count, given as (label,
    value). `read_file` does the same with a file that was sent; None: there a file is no answer. `show`
    returns a value as people read it. `applies` tells from the answers so far whether to ask. One with an
    `offer` is not asked on the way: the summary offers it under that label, an English message id.
    """

    name: str
    label: str
    ask: Callable[[Context, Values], Markup]
    show: Callable[[Context, Any], Markup]
    read: Callable[[Context, str], Any] | None = None
    read_file: Callable[[Context, Attached], Any] | None = None
    choices: Callable[[Context, Values], Sequence[tuple[Markup, str]]] = _no_choices
    applies: Callable[[Values], bool] = _always
    optional: bool = False
    offer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Questions, and what is done with the answers once they are confirmed.

    `title`, and what `confirm` returns as the label of the confirming option, are English message ids.
    `summarise` returns what is shown before confirming; None: the last answer completes the form, and an edit
    of it completes it anew, which `submit` must bear.
    `enclose` returns the file that is shown with it. `role` is who may fill it in, at every step.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    summarise: "Callable[[Context, Form, Values], Markup] | None"
    submit: Callable[[Context, Values], None]
    enclose: Callable[[Context, Values], FileRef | None] = _no_file
    confirm: Callable[[Values], str] = _save
    role: Role = Role.ANYONE
