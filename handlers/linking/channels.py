"""The channels as people call them, and where somebody with several is told what they did not ask for."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.dialogue.texts import N_, Texts
from storage.people import Account

NAMES = {
    "telegram": N_("Telegram"),
    "matrix": N_("Matrix"),
    "web": N_("web chat"),
}
"""What a channel is called. First stand those that ring in a pocket: the web chat shows a message only to
whoever opens it, so it is nobody's choice unless they make it."""


def channel_name(t: Texts, channel: str) -> Markup:
    """Return what a channel is called."""
    return t(NAMES[channel]) if channel in NAMES else Markup("{}").format(channel)


def channel_names(t: Texts, accounts: Sequence[Account]) -> Markup:
    """Return what the channels of these accounts are called, in the order of the list above."""
    ordered = sorted({account.channel for account in accounts}, key=rank)
    return Markup(", ").join(channel_name(t, channel) for channel in ordered)


def rank(channel: str) -> int:
    """Return how far down a channel stands in the list above; one that is not there comes last."""
    return list(NAMES).index(channel) if channel in NAMES else len(NAMES)
