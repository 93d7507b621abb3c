"""The web chat: one page, its events and its messages."""

from bot.channels.web.channel import WebChannel, WebSetup
from bot.channels.web.streams import Letter, Mailbox

__all__ = ["Letter", "Mailbox", "WebChannel", "WebSetup"]
