"""Forms: several questions asked one by one, a summary, and only then an effect.

The state lives in the conversation's row. Every question carries a fresh token in its options, so that an
option of an earlier question, or of a form that is long closed, does nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from markupsafe import Markup

from handlers.dialogue.command import Command, Role
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.form import Field, Form, Values
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Attached, Option, Outgoing
from handlers.dialogue.texts import N_
from handlers.dialogue.trace import Effect

State = dict[str, Any]
"""{"form": name, "token": str, "at": field name or SUMMARY, "values": Values, "changing": bool}"""

SUMMARY = "*"

_SEND_OR_CHOOSE = N_("Please send a picture or a file, or choose one of the options.")


def open_form(ctx: Context, form: Form, values: Values | None = None) -> None:
    """Begin a form; one filled in beforehand begins at its summary."""
    at = SUMMARY if values else form.fields[0].name
    ctx.conversation.form = {"form": form.name, "at": at, "values": values or {}, "changing": False}
    _ask(ctx, form)


def show_values(ctx: Context, form: Form, values: Values) -> Markup:
    """Return the answers as lines "label: value", for a summary."""
    lines = [
        Markup("<b>{}:</b> {}").format(
            ctx.t(field.label),
            field.show(ctx, values[field.name]) if values.get(field.name) is not None else ctx.t("none"),
        )
        for field in form.fields
        if field.applies(values)
    ]
    return Markup("\n").join([Markup("<b>{}</b>").format(ctx.t(form.title)), *lines])


class Forms:
    """The forms of the bot by name, and the commands that lead through them."""

    def __init__(self, forms: Sequence[Form]) -> None:
        """Take every form; raises ValueError when a name stands twice."""
        self._forms = {form.name: form for form in forms}
        if len(self._forms) != len(forms):
            raise ValueError("a form's name stands twice")
        self.commands = (
            Command("wybierz", "pick", self._pick),
            Command("wstecz", "back", self._back),
            Command("pomin", "skip", self._skip),
            Command("anuluj", "cancel", self._cancel, effect=Effect.LASTS),
            Command("zatwierdz", "confirm", self._confirm, effect=Effect.LASTS),
            Command("popraw", "change", self._change),
        )

    def current(self, ctx: Context) -> Form | None:
        """Return the form that is open in this conversation, if one is."""
        form = self._forms.get(ctx.conversation.form.get("form", ""))
        if form is None or (form.role is Role.COORDINATOR and not ctx.person.coordinates):
            return None
        return form

    def waits_for_text(self, ctx: Context) -> bool:
        """Return whether the open form's question is answered with something typed, not with a choice."""
        form, state = self.current(ctx), ctx.conversation.form
        field = _field(form, state) if form is not None else None
        return field is not None and field.read is not None and not field.choices(ctx, state["values"])

    def waits_for_file(self, ctx: Context) -> bool:
        """Return whether the open form's question may be answered with a file."""
        form = self.current(ctx)
        field = _field(form, ctx.conversation.form) if form is not None else None
        return field is not None and field.read_file is not None

    def remind(self, ctx: Context) -> None:
        """Ask the open form's question once more."""
        form = self.current(ctx)
        if form is not None:
            _ask(ctx, form)

    def receive(self, ctx: Context, text: str) -> None:
        """Take what was typed as the answer to the open form's question."""
        form, state = self._open(ctx)
        field = _field(form, state)
        if field is None or field.read is None:
            takes_file = field is not None and field.read_file is not None
            _ask(ctx, form, ctx.t(_SEND_OR_CHOOSE if takes_file else "Please choose one of the options."))
            return
        _take(ctx, form, field, partial(field.read, ctx, text))

    def receive_file(self, ctx: Context, file: Attached | None) -> None:
        """Take what was sent as the answer to the open form's question, which waits for a file.

        None stands for what is neither a picture nor a file.
        """
        form, state = self._open(ctx)
        field = _field(form, state)
        if field is None or field.read_file is None or file is None:
            _ask(ctx, form, ctx.t(_SEND_OR_CHOOSE))
            return
        _take(ctx, form, field, partial(field.read_file, ctx, file))

    def _open(self, ctx: Context, token: str | None = None) -> tuple[Form, State]:
        """Return the open form; raises UserError when none is, or when an option belongs to another."""
        form, state = self.current(ctx), ctx.conversation.form
        if form is None or (token and token != state["token"]):
            raise UserError(
                ctx.t("That matter is closed: it was already saved, changed or cancelled."),
                Option(str(ctx.t("Menu")), "/help"),
            )
        return form, state

    def _pick(self, ctx: Context, arguments: str) -> None:
        """Take an offered choice as the answer: "TOKEN VALUE"."""
        token, _, value = arguments.partition(" ")
        form, state = self._open(ctx, token or "-")
        field = _field(form, state)
        if field is None or value not in {known for _, known in field.choices(ctx, state["values"])}:
            raise UserError(ctx.t("Please choose one of the options."))
        _store(ctx, form, field, value)

    def _skip(self, ctx: Context, token: str) -> None:
        """Leave the question unanswered, where that is allowed."""
        form, state = self._open(ctx, token)
        field = _field(form, state)
        if field is None or not field.optional:
            _ask(ctx, form, ctx.t("This cannot be skipped."))
            return
        _store(ctx, form, field, None)

    def _back(self, ctx: Context, token: str) -> None:
        """Return to the question before."""
        form, state = self._open(ctx, token)
        field = _field(form, state)
        asked = [one.name for one in form.fields if one.applies(state["values"]) and one.offer is None]
        # A question which a change has made necessary has no answer yet: before it comes the change.
        if field is not None and (field.offer or (state["changing"] and field.name in state["values"])):
            at = SUMMARY
        elif field is None:
            at = SUMMARY if state["changing"] else asked[-1]
        else:
            at = asked[max(asked.index(field.name) - 1, 0)]
        ctx.conversation.form = {**state, "at": at, "changing": state["changing"] and at != SUMMARY}
        _ask(ctx, form)

    def _cancel(self, ctx: Context, token: str) -> None:
        """Close the form; nothing was saved."""
        self._open(ctx, token)
        ctx.conversation.form = {}
        ctx.revise(ctx.t("Cancelled. Nothing was saved."), Option(str(ctx.t("Menu")), "/help"))

    def _confirm(self, ctx: Context, token: str) -> None:
        """Do what the form is for."""
        form, state = self._open(ctx, token)
        if state["at"] != SUMMARY:
            _ask(ctx, form)
            return
        ctx.conversation.form = {}
        form.submit(ctx, state["values"])

    def _change(self, ctx: Context, arguments: str) -> None:
        """Offer what can be changed: "TOKEN"; or go to a question: "TOKEN FIELD"."""
        token, _, name = arguments.partition(" ")
        form, state = self._open(ctx, token)
        if state["at"] != SUMMARY:  # until then there are questions without an answer
            _ask(ctx, form)
            return
        known = [field for field in form.fields if field.applies(state["values"])]
        if name in {field.name for field in known}:
            ctx.conversation.form = {**state, "at": name, "changing": True}
            _ask(ctx, form)
            return
        token = _renew(ctx, {**state, "changing": True, "at": SUMMARY})
        options = [Option(str(ctx.t(field.label)), f"/change {token} {field.name}") for field in known]
        options = [*options[:5], Option(str(ctx.t("Back to the summary")), f"/back {token}")]
        ctx.revise(ctx.t("What is to be changed?"), *options)


def _take(ctx: Context, form: Form, field: Field, read: Callable[[], Any]) -> None:
    """Keep what a question is answered with, or say why it is no answer and ask again."""
    try:
        value = read()
    except UserError as error:
        _ask(ctx, form, error.text)
        return
    _store(ctx, form, field, value)


def _renew(ctx: Context, state: State) -> str:
    """Keep a state under a fresh token, so that the options of the question before are out of date."""
    token = secrets.token_hex(3)
    ctx.conversation.form = {**state, "token": token}
    return token


def _field(form: Form, state: State) -> Field | None:
    """Return the field that is being asked for, None at the summary."""
    return next((field for field in form.fields if field.name == state["at"]), None)


def _applying(form: Form, values: Values) -> Values:
    """Return the values without the answers to questions that earlier ones have made void."""
    kept = dict(values)
    for field in form.fields:
        if field.name in kept and not field.applies(kept):
            del kept[field.name]
    return kept


def _store(ctx: Context, form: Form, field: Field, value: Any) -> None:
    """Keep an answer and ask what comes next."""
    state = ctx.conversation.form
    values = _applying(form, {**state["values"], field.name: value})
    following = [other for other in form.fields[form.fields.index(field) + 1 :] if other.offer is None]
    if state["changing"]:  # only what this answer made necessary is asked besides
        following = [other for other in following if other.name not in values]
    upcoming = next((other for other in following if other.applies(values)), None)
    at = upcoming.name if upcoming else SUMMARY
    changing = state["changing"] and at != SUMMARY
    ctx.conversation.form = {**state, "at": at, "values": values, "changing": changing}
    _ask(ctx, form)


def _ask(ctx: Context, form: Form, problem: Markup | None = None) -> None:
    """Ask the form's question, after saying what was wrong with the last answer, under a fresh token."""
    token = _renew(ctx, ctx.conversation.form)
    state = ctx.conversation.form
    field = _field(form, state)
    if field is not None:
        text, options = field.ask(ctx, state["values"]), _field_options(ctx, form, field)
        text = Markup("\n\n").join([problem, text]) if problem else text
        ctx.revise(text, *options)
        if field.read_file is not None:
            ctx.replies[-1] = replace(ctx.replies[-1], takes_file=True)
    elif form.summarise is not None:
        text, options = form.summarise(ctx, form, state["values"]), _summary_options(ctx, form, token)
        text = Markup("\n\n").join([problem, text]) if problem else text
        ctx.show(Outgoing(text, tuple(options), file=form.enclose(ctx, state["values"])))
    else:
        ctx.conversation.form = {}
        form.submit(ctx, state["values"])


def _summary_options(ctx: Context, form: Form, token: str) -> list[Option]:
    """Return the ways on from the summary."""
    values = ctx.conversation.form["values"]
    offers = [
        Option(str(ctx.t(field.offer)), f"/change {token} {field.name}")
        for field in form.fields
        if field.offer is not None and field.applies(values) and values.get(field.name) is None
    ]
    return [
        Option(str(ctx.t(form.confirm(values))), f"/confirm {token}"),
        *offers,
        Option(str(ctx.t("Change")), f"/change {token}"),
        Option(str(ctx.t("Cancel")), f"/cancel {token}"),
    ]


def _field_options(ctx: Context, form: Form, field: Field) -> list[Option]:
    """Return a question's choices and the ways round it."""
    state = ctx.conversation.form
    token = state["token"]
    choices = field.choices(ctx, state["values"])
    options = [Option(plain(label), f"/pick {token} {value}") for label, value in choices]
    if field.optional:
        options.append(Option(str(ctx.t("Skip")), f"/skip {token}"))
    if state["changing"] or field is not form.fields[0]:
        options.append(Option(str(ctx.t("Back")), f"/back {token}"))
    options.append(Option(str(ctx.t("Cancel")), f"/cancel {token}"))
    return options
