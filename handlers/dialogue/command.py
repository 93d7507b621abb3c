"""Commands: what a person can type, or an option can stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from handlers.dialogue.context import Context
from handlers.dialogue.trace import Effect


class Role(Enum):
    """Who may use a command."""

    ANYONE = auto()
    COORDINATOR = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its Polish and English name and what handles it, given the text after the name.

    `summary` is the line (an English message id) under which menus list it, "" to leave it out.
    `in_groups` says whether it may be answered where others read along, `effect` what an edit cannot undo.
    """

    polish: str
    english: str
    handle: Callable[[Context, str], None]
    summary: str = ""
    role: Role = Role.ANYONE
    in_groups: bool = False
    effect: Effect = Effect.NONE

    def name(self, locale: str) -> str:
        """Return the name that is shown in a language."""
        return self.polish if locale == "pl" else self.english
