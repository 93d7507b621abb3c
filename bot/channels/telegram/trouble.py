"""What to do when Telegram cannot be reached: say it once, wait a little longer each time."""

import asyncio
import logging
import random

from telegram.error import Conflict, InvalidToken, TelegramError

from bot.channel import Again
from bot.channels.telegram.errors import TOKEN_REFUSED_SECONDS, classify

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0

log = logging.getLogger(__name__)


class Trouble:
    """Counts failures in a row of what `doing` says; logs a reason once until it changes or ends."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._failures = 0
        self._said = ""

    def over(self) -> None:
        """Note a success."""
        if self._failures:
            log.info("%s works again", self._doing)
        self._failures = 0
        self._said = ""

    async def rest(self, error: Exception) -> None:
        """Log `error` unless it was the last one said, and sleep as long as it advises."""
        sentence = _sentence(error)
        if sentence != self._said:
            self._said = sentence
            log.error("%s fails: %s", self._doing, sentence, exc_info=_unexpected(error))
        self._failures += 1
        await asyncio.sleep(self._pause(error))

    def _pause(self, error: Exception) -> float:
        if isinstance(error, InvalidToken):
            return TOKEN_REFUSED_SECONDS
        verdict = classify(error) if isinstance(error, TelegramError) else None
        if isinstance(verdict, Again) and verdict.after is not None:
            return verdict.after
        # Spread, so that many bots do not come back in the same instant.
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures - 1, 10))
        return pause * random.uniform(0.5, 1)  # noqa: S311 - nothing secret


def _sentence(error: Exception) -> str:
    if isinstance(error, InvalidToken):
        return "Telegram refuses the token (401): set TELEGRAM_TOKEN to the one that @BotFather gave"
    if isinstance(error, Conflict):
        return "another program fetches this bot's messages (409): stop it, or give this one its own bot"
    return f"{type(error).__name__}: {error}"


def _unexpected(error: Exception) -> Exception | None:
    return None if isinstance(error, TelegramError) else error
