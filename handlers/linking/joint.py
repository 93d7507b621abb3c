"""Making one person of two accounts: a code that one of them shows and the other sends."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.codes import take_code
from handlers.dialogue.context import Context
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import Texts
from handlers.linking.channels import channel_name, channel_names, rank
from handlers.linking.telling import profile_option, tell_accounts, unlink_option
from storage import claims, links
from storage.claims import Purpose
from storage.links import Linked, Pair
from storage.organisations import get_organisation
from storage.people import Account


def link(ctx: Context, arguments: str) -> None:
    """Show a code; or, when the code of another account is given, make one person of both."""
    account = ctx.conversation.account
    if not arguments:
        _show_code(ctx, claims.add_claim(ctx.session, Purpose.LINK, ctx.now, account.id))
        return
    invalid = ctx.t("This code is not valid. On the other channel /link shows a fresh one.")
    claim = take_code(ctx, Purpose.LINK, arguments, invalid)
    if claim is None or claim.account_id is None:
        return
    if claim.account_id == account.id:
        ctx.reply(ctx.t("This code is to be sent from the other channel, not from here."), menu_option(ctx))
        return
    pair = links.lock_pair(ctx.session, account, claim.account_id)
    if pair is None:
        ctx.reply(ctx.t("These channels are linked already."), profile_option(ctx.t), menu_option(ctx))
    elif (twice := _channel_twice(pair.accounts)) is not None:
        text = ctx.t(
            "Only different channels can be linked, and there would be two of one: {channel}. "
            "Send the code from another channel, or first press “Unlink” in your profile.",
            channel=channel_name(ctx.t, twice),
        )
        ctx.reply(text, profile_option(ctx.t), menu_option(ctx))
    else:
        claims.use_up(ctx.session, claim)
        _link(ctx, pair)


def _show_code(ctx: Context, code: str) -> None:
    """Show a code and what it does."""
    text = ctx.t(
        "Send this from the other channel within ten minutes:\n<code>/link {code}</code>\n\n"
        "Then you are one person on both: with one profile, the same replies and rights, and every "
        "announcement once. Give the code to nobody: whoever sends it acts as you.",
        code=code,
    )
    ctx.reply(text, menu_option(ctx))


def _link(ctx: Context, pair: Pair) -> None:
    """Make one person of two and tell both sides."""
    locale, channel = ctx.person.locale, _preferred_channel(pair.accounts)
    linked = links.set_linked(ctx.session, pair, ctx.now)
    pair.kept.locale = locale
    pair.kept.preferred_channel = channel
    here = ctx.conversation.account
    ctx.menu_changed = True
    options = (unlink_option(ctx.t), profile_option(ctx.t), menu_option(ctx))
    ctx.reply(_say_linked(ctx, pair.accounts, linked), *options)

    def warn(t: Texts) -> tuple[Markup, Sequence[Option]]:
        text = t(
            "<b>Linked: {channels}.</b> The code was sent from: {channel}. "
            "If that was not you, press “Unlink”.",
            channels=channel_names(t, pair.accounts),
            channel=channel_name(t, here.channel),
        )
        return text, (unlink_option(t), profile_option(t))

    tell_accounts(ctx, pair.accounts, warn)


def _channel_twice(accounts: Sequence[Account]) -> str | None:
    """Return a channel on which two of these accounts are, if there is one."""
    channels = [account.channel for account in accounts]
    return next((channel for channel in channels if channels.count(channel) > 1), None)


def _preferred_channel(accounts: Sequence[Account]) -> str:
    """Return where the common person is told what they did not ask for, unless they choose otherwise.

    It is a channel that one of the two chose before, else the one on which messages are noticed best; but
    only where announcements were wanted: who had turned them off on one channel still gets none there. The
    channel written on last is not what counts: a question on somebody's computer would silence the phone.
    """
    wanted = [account for account in accounts if account.person.wants_announcements] or accounts
    chosen = [account for account in wanted if account.channel == account.person.preferred_channel]
    return min((account.channel for account in chosen or wanted), key=rank)


def _say_linked(ctx: Context, accounts: Sequence[Account], linked: Linked) -> Markup:
    """Return what has become of two people."""
    t, person = ctx.t, ctx.person
    channel = channel_name(t, person.preferred_channel or "")
    head = t(
        "<b>Linked: {channels}.</b> Wherever you write, I know that it is you.",
        channels=channel_names(t, accounts),
    )
    come = (
        t("Announcements and notices come once, to: {channel}. Your profile changes that.", channel=channel)
        if person.wants_announcements
        else t("Announcements are off; notices come to: {channel}.", channel=channel)
    )
    lines = [head, come]
    if linked.replies_dropped:
        lines.append(t("Two replies to the same meeting: the newer one counts."))
    if linked.other_organisation_id is not None and person.organisation_id is not None:
        names = [
            found.name if (found := get_organisation(ctx.session, one)) is not None else ""
            for one in (person.organisation_id, linked.other_organisation_id)
        ]
        text = t(
            "Organisation: {name}. The other one, {other}, is back once you unlink.",
            name=names[0],
            other=names[1],
        )
        lines.append(text)
    return Markup("\n\n").join(lines)
