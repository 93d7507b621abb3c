"""What the machine and a channel promise each other: how to receive, how to send, how sending fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bot.pacer import Pace
from handlers.dialogue.message import Incoming, Outgoing

Receive = Callable[[Incoming], Awaitable[None]]
"""Handles one incoming message; returns once it is committed. Only then may it be acknowledged.

Raises nothing for what the person did wrong; when it raises, nothing was saved: do not acknowledge.
"""


class TooBig(Exception):
    """The file that is being fetched has more bytes than are wanted."""


class SendError(Exception):
    """A message was not sent, for a reason that one of the subclasses names. The text goes to logs."""


class Again(SendError):
    """The platform did not take the message now: try once more after `after` seconds.

    `after` is None when the platform named no time; `everyone` says that the limit is the whole bot's,
    not this address's.
    """

    def __init__(self, reason: str, *, after: float | None = None, everyone: bool = False) -> None:
        """Take the reason, the platform's waiting time in seconds and whom it concerns."""
        super().__init__(reason)
        self.after = after
        self.everyone = everyone


class Never(SendError):
    """This message is bad and will never be taken: do not repeat it."""


class Gone(SendError):
    """The address is closed (blocked, deactivated, left): stop writing there until the person writes."""


class Moved(SendError):
    """The chat goes on under the address `to`: write there from now on."""

    def __init__(self, to: str) -> None:
        """Take the new address."""
        super().__init__("the chat has moved")
        self.to = to


class Unknown(SendError):
    """The call went out and its outcome is not known: it must not be repeated blindly.

    `everyone` says that the platform is in trouble, so that the next messages had better wait.
    """

    def __init__(self, reason: str, *, everyone: bool = False) -> None:
        """Take the reason and whom it concerns."""
        super().__init__(reason)
        self.everyone = everyone


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery handed to a channel: its id in the store (stable over retries), address and message."""

    id: int
    address: str
    message: Outgoing


class Channel(Protocol):
    """One platform.

    `name` is the word that stands in the store ("telegram", "web"). `exclusive` says that only one process
    may send at a time, since the platform limits how fast; `pace` is that limit, None for none. `repeatable`
    says that sending a parcel again does no harm, as the platform or the reader knows it by its id.
    """

    name: str
    exclusive: bool
    repeatable: bool
    pace: Pace | None

    async def open(self) -> None:
        """Get ready to send; `start` does so too."""

    async def start(self, receive: Receive) -> None:
        """Begin to take messages and hand each to `receive`."""

    async def stop(self) -> None:
        """Stop taking messages and return once those in hand are handled; sending still works."""

    async def close(self) -> None:
        """Let go of connections; nothing is sent after this."""

    async def send(self, parcel: Parcel) -> str | None:
        """Send one message and return the platform's id of it; raises a `SendError`."""
