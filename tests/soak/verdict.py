"""What a scenario found: figures to print, and what is not as it has to be."""

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """The figures of one scenario and its faults; none: the program did what is demanded."""

    figures: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def note(self, **figures: object) -> None:
        """Keep figures."""
        self.figures |= figures

    def demand(self, what: str, found: object, wanted: object) -> None:
        """Keep a figure which has to be as wanted."""
        self.figures[what] = found
        if found != wanted:
            self.faults.append(f"{what}: {found} instead of {wanted}")

    def demand_at_most(self, what: str, found: float, most: float) -> None:
        """Keep a figure which has a limit."""
        self.figures[what] = f"{found} (≤ {most})"
        if found > most:
            self.faults.append(f"{what}: {found}, at most {most} allowed")

    def lines(self) -> list[str]:
        """Return it as text."""
        told = [f"  {name.replace('_', ' ')}: {value}" for name, value in self.figures.items()]
        return [*told, *(f"  FAULT {fault}" for fault in self.faults)]
