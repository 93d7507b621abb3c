"""How a figure is printed: what it is of, on which store, beside its aim, and beside a bare equivalent."""

from dataclasses import dataclass

WIDE = 59
SMALL = 10


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure is to be: at most, or at least, so much."""

    sign: str
    bound: float

    def is_met(self, number: float) -> bool:
        """Return whether a figure is as it is to be."""
        return number <= self.bound if self.sign == "≤" else number >= self.bound

    def __str__(self) -> str:
        """Return it as it is printed."""
        return f"{self.sign} {self.bound:,g}"


def at_least(bound: float) -> Aim:
    """Return the aim of so much or more."""
    return Aim("≥", bound)


def at_most(bound: float) -> Aim:
    """Return the aim of so much or less."""
    return Aim("≤", bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, its aim if it has one, and what ran beside it."""

    number: float
    unit: str
    aim: Aim | None = None
    beside: str = ""

    def line(self, what: str, store: str = "") -> str:
        """Return the line of a figure: what it is of, on which kind of store."""
        verdict = ""
        if self.aim is not None:
            verdict = f"{self.aim!s:<11}{'met' if self.aim.is_met(self.number) else 'MISSED'}"
        number = f"{said(self.number):>10} {self.unit:<8}"
        return f"{what:<{WIDE}}{store:<12}{number}{verdict:<18}{self.beside}".rstrip()


def bare(name: str, number: float, ours: float) -> str:
    """Return what is printed beside a figure: the bare equivalent's, and the ratio of ours to it."""
    return f"{name} {said(number)}, ratio {ours / number:.2f}"


def said(number: float) -> str:
    """Return a number with as many places as matter."""
    return f"{number:.2f}" if abs(number) < SMALL else f"{number:,.0f}"
