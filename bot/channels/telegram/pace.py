"""How fast Telegram lets a bot send.

Telegram's Bot FAQ ("My bot is hitting limits") names about 30 messages a second in all, one a second to a
chat, with short bursts, and 20 a minute to a group; a paid broadcast may send 1,000 a second. What counts as
a short burst is not said: three answers to a person who presses quickly have not been refused.
"""

from bot.pacer import ChatRate, Pace

CHAT_BURST = 3
GROUP_BURST = 5
MINUTE = 60.0


def pace(per_second: int, reserve: int, *, chat_seconds: float, group_per_minute: int) -> Pace:
    """Return the pace: messages a second in all, those kept for answers, and the rate for each chat.

    `chat_seconds` is the time between two messages to one person. A group has a negative id (Bot API, Chat).
    """
    chat = ChatRate(1, chat_seconds, CHAT_BURST)
    group = ChatRate(group_per_minute, MINUTE, min(GROUP_BURST, group_per_minute))
    return Pace(per_second, reserve, lambda address: group if address.startswith("-") else chat)
