"""The web chat: one page, its events and its messages."""

from bot.channels.web.channel import WebChannel, WebSetup
from bot.channels.web.streams import Letter

__all__ = ["Letter", "WebChannel", "WebSetup"]
