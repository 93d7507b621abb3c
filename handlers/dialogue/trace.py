"""The trace of a message: what an edit of it needs to be handled as if the new text had come instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What a command leaves behind outside the conversation, where an edit can undo nothing."""

    NONE = "none"
    """Nothing: the conversation goes back to what it was before, and the new text is taken instead."""
    SETS = "sets"
    """Something that the same command with another last word sets anew."""
    LASTS = "lasts"
    """Something for good, and with it where the conversation is by now: the new text is one more message."""


@dataclass(slots=True)
class Trace:
    """What one message did.

    `form`, `offered` and `topic` are the conversation's state before it; `offer` is the id of the message
    of ours whose option it chose; `line` is the command line with an `effect`, without its last word.
    """

    form: dict[str, Any]
    offered: list[Any]
    topic: str | None
    offer: int | None = None
    effect: Effect = Effect.NONE
    line: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """What the message did that is handled once more, and what answered it.

    `answers` are the platform's ids of those messages by our own, in order; None where one was not sent, as
    far as is known.
    """

    effect: Effect
    line: str
    answers: Mapping[int, str | None]

    def gives_way_to(self, trace: Trace) -> bool:
        """Return whether nothing of it is left once the new text did what is in its `trace`."""
        if self.effect is Effect.SETS:
            return (trace.effect, trace.line) == (self.effect, self.line)
        return self.effect is Effect.NONE
