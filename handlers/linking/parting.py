"""Taking linked accounts apart again, with one press."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.dialogue.context import Context, UserError
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import Texts
from handlers.linking.channels import channel_names
from handlers.linking.telling import link_option, profile_option, tell_accounts
from storage import links


def unlink(ctx: Context, _arguments: str) -> None:
    """Let each account of the person be its own person again, and tell all of them."""
    accounts = links.set_unlinked(ctx.session, ctx.person)
    if not accounts:
        raise UserError(ctx.t("No channels are linked."), link_option(ctx.t), menu_option(ctx))

    def say(t: Texts) -> tuple[Markup, Sequence[Option]]:
        text = t(
            "<b>Unlinked: {channels}.</b> Each is a person of its own again.\n\n"
            "Every reply and application stays where it was sent from. The organisation and the rights are "
            "what they were there before.",
            channels=channel_names(t, accounts),
        )
        return text, (link_option(t), profile_option(t))

    ctx.menu_changed = True
    text, options = say(ctx.t)
    ctx.revise(text, *options, menu_option(ctx))
    tell_accounts(ctx, accounts, say)
