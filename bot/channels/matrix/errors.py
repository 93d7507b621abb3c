"""What can go wrong between the bot and a homeserver; no text of these errors holds a message or a token."""

import re
from http import HTTPStatus
from typing import Any

from bot.channel import Again, Gone, Never, SendError, TooBig

Json = dict[str, Any]

_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")

# 400 and 403 mean many things; these are about the address, the others about the message.
_CLOSED = frozenset({"M_FORBIDDEN", "M_NOT_FOUND", "M_UNKNOWN_ROOM", "M_GUEST_ACCESS_FORBIDDEN"})


class MatrixError(Exception):
    """Something about Matrix failed, for the reason that one of the subclasses names."""


class Unreachable(MatrixError):
    """No sensible answer came: the request may or may not have been carried out."""


class Refused(MatrixError):
    """The homeserver said no: `status` is HTTP's, `code` Matrix's ("M_FORBIDDEN"), `answer` all it said."""

    def __init__(self, status: int, answer: Json) -> None:
        """Take the HTTP status and the body."""
        code = answer.get("errcode")
        self.code = code if isinstance(code, str) and _CODE.fullmatch(code) else "no code"
        super().__init__(f"{status} {self.code}")
        self.status = status
        self.answer = answer


class Busy(Refused):
    """Too many requests: not before `after` seconds have gone."""

    def __init__(self, answer: Json, after: float) -> None:
        """Take the body and the seconds to wait."""
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, answer)
        self.after = after


class LoggedOut(Refused):
    """The access token is not valid (any more); `soft`: the device is still there and may log in again."""

    def __init__(self, answer: Json) -> None:
        """Take the body."""
        super().__init__(HTTPStatus.UNAUTHORIZED, answer)
        self.soft = answer.get("soft_logout") is True


class SetupError(MatrixError):
    """Only a person can mend this; the text is one or two sentences that say what to do."""


class BadFile(MatrixError):
    """What an event says about a file makes no sense, or the file is not the one that it means."""


class BigFile(BadFile, TooBig):
    """A file has more bytes than are wanted."""


def classify(error: MatrixError) -> SendError:
    """Return what an error means for the message that was being sent.

    Nothing is unknown: the homeserver recognises a message by its transaction id, so it may be sent again.
    """
    reason = str(error)
    if isinstance(error, Busy):
        return Again(reason, after=error.after, everyone=True)
    if isinstance(error, Unreachable | LoggedOut | SetupError):
        return Again(reason, everyone=True)
    if isinstance(error, Refused) and error.code in _CLOSED:
        return Gone(reason)
    return Never(reason)
