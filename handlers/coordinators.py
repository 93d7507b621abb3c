"""Becoming a coordinator, with a one-time code that the server prints."""

from handlers.codes import take_code
from handlers.dialogue.command import Command
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.router import menu_option
from handlers.dialogue.trace import Effect
from handlers.joining import tell_of_waiting
from handlers.welcome import menu_options
from storage import claims, links
from storage.claims import Purpose


def claim(ctx: Context, arguments: str) -> None:
    """Make the person a coordinator if the code that is given is good."""
    if not arguments:
        raise UserError(ctx.t("Please write the code after the command: /claim CODE"), menu_option(ctx))
    invalid = ctx.t("This code is not valid. A fresh one is printed by the command: aglomeracja claim")
    good = take_code(ctx, Purpose.COORDINATE, arguments, invalid)
    if good is None:
        return
    claims.use_up(ctx.session, good)
    ctx.person.coordinates = True
    links.keep_coordination(ctx.session, ctx.conversation.account)
    ctx.menu_changed = True
    ctx.reply(ctx.t("Welcome: you are a coordinator now. This is what you can do:"), *menu_options(ctx))
    tell_of_waiting(ctx)


COMMANDS = (Command("koordynator", "claim", claim, effect=Effect.LASTS),)
