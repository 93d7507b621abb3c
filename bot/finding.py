"""What the command `check` finds out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part, by its name, is: `text` says what is fine, or what is wrong and what to do."""

    name: str
    text: str
    fine: bool = True
