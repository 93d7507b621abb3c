"""Every error of python-telegram-bot has a meaning for a message, and so have Telegram's own words."""

import inspect
from datetime import timedelta

import pytest
import telegram.error
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
from bot.channels.telegram.errors import classify, is_not_editable, is_unchanged
from bot.channels.telegram.request import Broken, NoAnswer, NotSent

EXAMPLES: list[tuple[TelegramError, type[SendError]]] = [
    (RetryAfter(timedelta(seconds=7)), Again),
    (ChatMigrated(-1001), Moved),
    (Forbidden("Forbidden: bot was blocked by the user"), Gone),
    (BadRequest("Bad Request: something else"), Never),
    (TimedOut(), Unknown),
    (NetworkError("Service Unavailable (503)"), Again),
    (Broken("Telegram is in trouble (502)"), Unknown),
    (InvalidToken(), Again),
    (Conflict("Conflict: terminated by other getUpdates request"), Again),
    (EndPointNotFound("Endpoint 'x' not found in Bot API"), Never),
    (PassportDecryptionError("x"), Never),
    (TelegramError("Invalid server response"), Unknown),
    (NotSent("no connection"), Again),
    (NoAnswer("no answer"), Unknown),
]

DESCRIPTIONS: list[tuple[str, type[SendError]]] = [
    ("Bad Request: chat not found", Gone),
    ("Bad Request: user not found", Gone),
    ("Bad Request: PEER_ID_INVALID", Gone),
    ("Bad Request: USER_IS_BLOCKED", Gone),
    ("Bad Request: group chat was deactivated", Gone),
    ("Bad Request: have no rights to send a message", Gone),
    ("Bad Request: not enough rights to send text messages to the chat", Gone),
    ("Bad Request: CHAT_WRITE_FORBIDDEN", Gone),
    ("Bad Request: message is too long", Never),
    ("Bad Request: message text is empty", Never),
    ("Bad Request: BUTTON_DATA_INVALID", Never),
    ('Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 0', Never),
    ("Bad Request: message thread not found", Never),
]

GONE = [
    "Forbidden: bot was blocked by the user",
    "Forbidden: user is deactivated",
    "Forbidden: bot can't initiate conversation with a user",
    "Forbidden: bot can't send messages to bots",
    "Forbidden: bot was kicked from the group chat",
    "Forbidden: bot was kicked from the supergroup chat",
    "Forbidden: bot is not a member of the supergroup chat",
    "Forbidden: the group chat was deleted",
]


def test_no_class_of_the_library_is_forgotten() -> None:
    classes = {
        kind
        for _, kind in inspect.getmembers(telegram.error, inspect.isclass)
        if issubclass(kind, TelegramError)
    }
    assert classes <= {type(error) for error, _ in EXAMPLES}


@pytest.mark.parametrize(
    ("error", "verdict"), EXAMPLES, ids=lambda value: getattr(value, "__name__", repr(value))
)
def test_each_class_has_its_verdict(error: TelegramError, verdict: type[SendError]) -> None:
    assert type(classify(error)) is verdict


@pytest.mark.parametrize(("description", "verdict"), DESCRIPTIONS)
def test_a_bad_request_is_the_address_or_the_message(description: str, verdict: type[SendError]) -> None:
    assert type(classify(BadRequest(description))) is verdict


@pytest.mark.parametrize("description", GONE)
def test_forbidden_is_gone(description: str) -> None:
    assert type(classify(Forbidden(description))) is Gone


@pytest.mark.parametrize(("group", "everyone"), [(False, True), (True, False)])
def test_a_limit_says_how_long_and_whom_it_concerns(*, group: bool, everyone: bool) -> None:
    verdict = classify(RetryAfter(timedelta(seconds=7)), group=group)
    assert isinstance(verdict, Again)
    assert (verdict.after, verdict.everyone) == (7.0, everyone)


def test_a_moved_chat_says_where_to() -> None:
    verdict = classify(ChatMigrated(-1001))
    assert isinstance(verdict, Moved)
    assert verdict.to == "-1001"


def test_too_large_a_request_is_never_taken() -> None:
    assert type(classify(NetworkError("Request Entity Too Large"))) is Never


def test_edits_that_change_nothing_and_edits_that_cannot_be() -> None:
    assert is_unchanged(BadRequest("Bad Request: message is not modified: specified new message content …"))
    assert is_not_editable(BadRequest("Bad Request: message can't be edited"))
    assert is_not_editable(BadRequest("Bad Request: message to edit not found"))
    assert not is_unchanged(BadRequest("Bad Request: chat not found"))
    assert not is_not_editable(NetworkError("message can't be edited"))
