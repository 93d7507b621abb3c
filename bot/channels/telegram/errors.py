"""What a failed Bot API call means for a message: python-telegram-bot's errors in the channel's words."""

import re
from collections.abc import Callable
from datetime import timedelta

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    PassportDecryptionError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.channel import Again, Gone, Moved, Never, SendError, Unknown
from bot.channels.telegram.request import Broken, NotSent

TOKEN_REFUSED_SECONDS = 60.0
"""How long to wait before a refused token is tried once more: only a person can mend it."""

# Bot API servers send these as 400 although the address, not the message, is at fault.
_CLOSED = re.compile(
    r"chat not found|user not found|peer_id_invalid|user_is_blocked|user_is_deactivated"
    r"|input_user_deactivated|bot was kicked|bot was blocked|group chat was deactivated"
    r"|chat_write_forbidden|chat_restricted"
    r"|no rights to send|not enough rights to send|chat_send_plain_forbidden|chat_admin_required",
    re.IGNORECASE,
)
_UNCHANGED = re.compile("message is not modified|message_not_modified", re.IGNORECASE)
_NOT_EDITABLE = re.compile(
    "message can't be edited|message to edit not found|message_id_invalid|message_edit_time_expired"
    "|message_author_required|message identifier is not specified"
    "|there is no (text|caption) in the message to edit",
    re.IGNORECASE,
)
_WITHOUT_TEXT = re.compile("there is no text in the message to edit", re.IGNORECASE)
_UNKNOWN_FILE = re.compile(
    "wrong file identifier|wrong remote file|file_reference|invalid file_id|file_id_invalid", re.IGNORECASE
)
_NO_PHOTO = re.compile(
    "photo_invalid|photo_save_file_invalid|photo_ext_invalid|image_process_failed", re.IGNORECASE
)
_TOO_LARGE = re.compile("request entity too large", re.IGNORECASE)


def classify(error: TelegramError, *, group: bool = False) -> SendError:
    """Return what `error` means for the message that was being sent; `group`: to a group chat.

    A limit met in a group is that group's (20 messages a minute); met in a private chat it is taken as the
    whole bot's (about 30 messages a second): Telegram does not say which it is.
    """
    if isinstance(error, RetryAfter):
        return Again("Telegram asks to slow down", after=_seconds(error), everyone=not group)
    if isinstance(error, ChatMigrated):
        return Moved(str(error.new_chat_id))
    for kind, verdict in _VERDICTS:
        if isinstance(error, kind):
            return verdict(error.message)
    # An answer that is not the Bot API's: the call was made and what came of it is not known.
    return Unknown(error.message)


def _bad_request(reason: str) -> SendError:
    return Gone(reason) if _CLOSED.search(reason) else Never(reason)


def _network(reason: str) -> SendError:
    # Any status that has no class of its own comes as a NetworkError.
    return Never(reason) if _TOO_LARGE.search(reason) else Again(reason, everyone=True)


def _broken(reason: str) -> SendError:
    return Unknown(reason, everyone=True)


def _not_sent(reason: str) -> SendError:
    return Again(reason, everyone=True)


def _invalid_token(_: str) -> SendError:
    return Again("Telegram refuses the bot's token", after=TOKEN_REFUSED_SECONDS, everyone=True)


def _conflict(reason: str) -> SendError:
    return Again(reason, everyone=True)


# Most specific first: BadRequest and TimedOut are subclasses of NetworkError.
_VERDICTS: tuple[tuple[type[TelegramError], Callable[[str], SendError]], ...] = (
    (Forbidden, Gone),
    (BadRequest, _bad_request),
    (TimedOut, Unknown),
    (NotSent, _not_sent),
    (Broken, _broken),
    (NetworkError, _network),
    (InvalidToken, _invalid_token),
    (Conflict, _conflict),
    (EndPointNotFound, Never),
    (PassportDecryptionError, Never),
)


def is_unchanged(error: TelegramError) -> bool:
    """Return whether an edit failed because the message already reads so."""
    return isinstance(error, BadRequest) and _UNCHANGED.search(error.message) is not None


def is_not_editable(error: TelegramError) -> bool:
    """Return whether an edit failed because the message is gone, too old or not the bot's."""
    return isinstance(error, BadRequest) and _NOT_EDITABLE.search(error.message) is not None


def is_without_text(error: TelegramError) -> bool:
    """Return whether a text could not be changed because the message is a file with a caption."""
    return isinstance(error, BadRequest) and _WITHOUT_TEXT.search(error.message) is not None


def is_unknown_file(error: TelegramError) -> bool:
    """Return whether Telegram does not know the file that it is to send by its id."""
    return isinstance(error, BadRequest) and _UNKNOWN_FILE.search(error.message) is not None


def is_no_photo(error: TelegramError) -> bool:
    """Return whether Telegram cannot show a picture as a photo; as a file it takes it."""
    return isinstance(error, BadRequest) and _NO_PHOTO.search(error.message) is not None


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
