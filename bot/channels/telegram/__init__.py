"""Telegram: the Bot API through python-telegram-bot's Bot and types; nothing else imports `telegram`."""

import os

from bot.channels.telegram.channel import TelegramChannel, TelegramSetup
from bot.channels.telegram.webhook import Webhook

# python-telegram-bot reads this whenever it makes a RetryAfter; without it each one is a DeprecationWarning.
os.environ.setdefault("PTB_TIMEDELTA", "1")

__all__ = ["TelegramChannel", "TelegramSetup", "Webhook"]
