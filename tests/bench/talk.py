"""The whole bot beside two bare echoes: how many answers, how dear, how soon, and how it starts."""

import sys
from collections.abc import Iterator

from tests.bench.measuring import RATE, ROUNDS, WAYS, Figures, measure
from tests.bench.programs import AIOGRAM, PTB

WIDE = 40
SMALL = 10


def measure_talk(_: object) -> Iterator[str]:
    """Measure and give the lines of the table."""
    figures = Figures()
    for figures in measure():  # noqa: B007 - the last ones are complete
        sys.stderr.write(".")
        sys.stderr.flush()
    sys.stderr.write("\n")
    yield from table(figures)


def table(figures: Figures) -> list[str]:
    """Return the lines of the table."""
    lines = [
        f"Medians of {ROUNDS} rounds in alternating order; the bot's pace is lifted.",
        _line("", "bot", PTB, AIOGRAM, "bot/PTB", "bot/aiogram"),
    ]
    for way in WAYS:
        for kind in ("question", "press"):
            aims = ("≥ 1.5", "≥ 0.8") if kind == "question" else ("", "")
            lines.append(_ratios(figures, f"{kind}, {way}: updates/s", aims))
            lines.append(_ratios(figures, f"{kind}, {way}: CPU s per 1,000", ("", "")))
        lines += _latency(figures, way)
    lines += [
        _fact(figures, "first start until ready", "s", 3.0),
        _fact(figures, "next start until ready", "s", 3.0),
        _fact(figures, "memory when idle, first start", "MB", 150),
        _fact(figures, "memory when idle, next start", "MB", 150),
        _fact(figures, "memory after the load", "MB", 150),
    ]
    return lines


def _ratios(figures: Figures, what: str, aims: tuple[str, str]) -> str:
    """Return the line of a figure that every program has."""
    numbers = [_number(figures.of(what, name)) for name in ("bot", PTB, AIOGRAM)]
    ratios = [
        f"{figures.ratio(what, other):.2f} {aim}".strip()
        for other, aim in zip((PTB, AIOGRAM), aims, strict=True)
    ]
    return _line(what, *numbers, *ratios)


def _latency(figures: Figures, way: str) -> list[str]:
    """Return the lines on how soon a reply comes."""
    lines = []
    for figure in ("p50", "p99"):
        what = f"{figure} of a reply at {RATE}/s, {way}"
        numbers = [_number(figures.of(what, name)) for name in ("bot", PTB, AIOGRAM)]
        later = figures.of(what) - figures.of(what, PTB)
        said = f"{later:+.1f} ms" + (" ≤ +15" if figure == "p99" else "")
        lines.append(_line(what + " (ms)", *numbers, said))
    return lines


def _fact(figures: Figures, what: str, unit: str, aim: float) -> str:
    """Return the line of a figure that only the bot has."""
    return _line(what, f"{_number(figures.of(what))} {unit} ≤ {aim:g}")


def _number(number: float) -> str:
    """Return a number with as many places as matter."""
    return f"{number:.2f}" if number < SMALL else f"{number:.0f}"


def _line(what: str, *cells: str) -> str:
    """Return a line of the table."""
    return (f"{what:<{WIDE}}" + "".join(f"{cell:>16}" for cell in cells)).rstrip()
