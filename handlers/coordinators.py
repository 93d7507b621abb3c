"""Becoming a coordinator, with a one-time code that the server prints."""

from datetime import timedelta

from handlers.dialogue.command import Command
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.router import menu_option
from handlers.joining import tell_of_waiting
from handlers.welcome import menu_options
from storage import claims, limits
from storage.limits import Rate

PER_PERSON = Rate(burst=5, interval=timedelta(minutes=5))
TOGETHER = Rate(burst=30, interval=timedelta(minutes=1))
"""How fast codes may be tried: 31^10 of them are not to be guessed in a life of 24 hours."""


def claim(ctx: Context, arguments: str) -> None:
    """Make the person a coordinator if the code that is given is good."""
    if not arguments:
        raise UserError(ctx.t("Please write the code after the command: /claim CODE"), menu_option(ctx))
    account = ctx.conversation.account
    allowed = limits.take(ctx.session, f"claim:{account.channel}:{account.sender}", PER_PERSON, ctx.now)
    if not allowed or not limits.take(ctx.session, "claim", TOGETHER, ctx.now):
        text = ctx.t("Too many codes were tried. Please wait a few minutes and try again.")
        ctx.reply(text, menu_option(ctx))
        return
    if not claims.claim_code(ctx.session, arguments, ctx.now):  # no UserError: the attempt must count
        text = ctx.t("This code is not valid. A fresh one is printed by the command: aglomeracja claim")
        ctx.reply(text, menu_option(ctx))
        return
    ctx.person.coordinates = True
    ctx.menu_changed = True
    ctx.reply(ctx.t("Welcome: you are a coordinator now. This is what you can do:"), *menu_options(ctx))
    tell_of_waiting(ctx)


COMMANDS = (Command("koordynator", "claim", claim),)
