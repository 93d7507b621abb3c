"""Telling the other accounts of a person what has happened to them all."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.message import Option, Outgoing
from handlers.dialogue.texts import Texts, texts_for
from storage.deliveries import Target, add_pushes
from storage.people import Account

Notice = Callable[[Texts], tuple[Markup, Sequence[Option]]]
"""A text and the options under it, in a language."""


def tell_accounts(ctx: Context, accounts: Sequence[Account], notice: Notice) -> None:
    """Say something on each of these accounts but the one that speaks, wherever their people prefer it."""
    letters = []
    for account in accounts:
        if account is ctx.conversation.account or account.address is None or account.closed_at is not None:
            continue
        text, options = notice(texts_for(account.person.locale, ctx.site.zone))
        target = Target(account.channel, account.address, account.person.id)
        letters.append((target, Outgoing(text, tuple(options)).to_json()))
    add_pushes(ctx.session, letters, ctx.now)
    ctx.stirred = True


def profile_option(t: Texts) -> Option:
    """Return the way to the profile."""
    return Option(str(t("Profile")), "/profile")


def link_option(t: Texts) -> Option:
    """Return the way to link another channel."""
    return Option(str(t("Link channels")), "/link")


def unlink_option(t: Texts) -> Option:
    """Return the press that takes linked channels apart."""
    return Option(str(t("Unlink")), "/unlink")
