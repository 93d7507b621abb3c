"""Taking a one-time code that somebody sends, for whatever it is good."""

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.router import menu_option
from storage import claims
from storage.claims import Claim, Purpose


def take_code(ctx: Context, purpose: Purpose, typed: str, invalid: Markup) -> Claim | None:
    """Return the claim whose code was typed, locked; else say why there is none: `invalid`, or a pause."""
    account = ctx.conversation.account
    try:
        found = claims.try_code(ctx.session, purpose, typed, f"{account.channel}:{account.sender}", ctx.now)
    except claims.TooManyTries:
        text = ctx.t("Too many codes were tried. Please wait a few minutes and try again.")
        ctx.reply(text, menu_option(ctx))  # no UserError: the try must count
        return None
    if found is None:
        ctx.reply(invalid, menu_option(ctx))
    return found
