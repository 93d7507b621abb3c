"""Choosing among offered options in words, for chats without buttons: by label, by number, by a reaction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.folding import fold
from handlers.dialogue.message import Kind, Outgoing
from storage import mailbox
from storage.mailbox import Letter

LOOKED_AT = 3
"""Among so many of the last answers the one with the options is looked for."""

Offered = Sequence[Sequence[str]]
"""The options under a message, as (label, value) pairs."""

_NUMBER = re.compile("([1-9])(?:[.)]|\ufe0f?\u20e3)?")
"""A digit, perhaps as in a list or as an emoji: "2", "2.", "2)", "2️⃣"."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option that was chosen."""

    label: str
    value: str


def number_emoji(number: int) -> str:
    """Return the emoji of a number from 1 to 9: what a person reacts with to choose it."""
    return f"{number}\ufe0f\u20e3"


def offered_in(letter: Letter) -> Offered:
    """Return the options under a message of ours."""
    offered: Offered = letter.body.get("options", [])
    return offered


def get_answered(ctx: Context) -> Letter | None:
    """Return the message of ours with options which a reply or a reaction refers to, if it refers to one."""
    incoming = ctx.incoming
    if incoming.answers is None:
        return None
    found = mailbox.get_letter(ctx.session, incoming.channel, incoming.address, incoming.answers)
    return found if found is not None and offered_in(found) else None


def show(ctx: Context, answered: Letter | None, choice: Choice) -> None:
    """Show what was chosen where it was offered: in the message that was answered, else in the last offer.

    What is said next takes that message's place after a reaction, as after a press. After something typed
    it comes below, and the message keeps its text with the choice instead of the options. A message to
    several people stays as it is: one person's choice is nothing for the others.
    """
    if not ctx.incoming.private:
        return
    if ctx.incoming.kind is Kind.REACTION:
        ctx.incoming = replace(ctx.incoming, message_ref=ctx.incoming.answers)
        return
    offer = answered if answered is not None else _last_offer(ctx)
    if offer is None:
        return
    chosen = ctx.t("Chosen: <b>{label}</b>", label=choice.label)
    text = Markup("\n\n").join([Markup(offer.body["text"]), chosen])  # noqa: S704 - clean when stored
    ctx.replies.append(Outgoing(text, (), offer.ref))


def _last_offer(ctx: Context) -> Letter | None:
    """Return the message under which the options offered last stand, if it has been sent."""
    incoming = ctx.incoming
    last = mailbox.list_last_answers(ctx.session, incoming.channel, incoming.address, LOOKED_AT)
    return next((letter for letter in last if offered_in(letter) == ctx.conversation.offered), None)


def by_label(offered: Offered, text: str) -> Choice | None:
    """Return the option whose label was typed, None when none or several have it."""
    typed = fold(text)
    found = {value: Choice(label, value) for label, value in offered if typed and fold(label) == typed}
    return found.popitem()[1] if len(found) == 1 else None


def by_number(offered: Offered, text: str) -> Choice | None:
    """Return the option whose number was typed or reacted with, None for anything else."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None or int(found[1]) > len(offered):
        return None
    return Choice(*offered[int(found[1]) - 1])
