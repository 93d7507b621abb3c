"""Prints the figures of the README: `python -m tests.bench`, or of some parts only, named after it."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from tests.bench.claiming import measure_claiming
from tests.bench.enqueue import measure_enqueue
from tests.bench.matrix import measure_matrix
from tests.bench.stores import ABOUT, Kind, every_kind
from tests.bench.talk import measure_talk

Part = Callable[[Sequence[Kind]], Iterator[str]]
"""Measures something on each kind of store and gives its lines as they come."""

PARTS: dict[str, Part] = {
    "talk": measure_talk,
    "enqueue": measure_enqueue,
    "claiming": measure_claiming,
    "matrix": measure_matrix,
}


def main() -> None:
    """Measure the parts that are named, or all, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    wanted = parser.parse_args().parts or list(PARTS)
    _say(f"Python {platform.python_version()}, {os.cpu_count()} processors.", ABOUT)
    with every_kind() as kinds:
        for name in wanted:
            began, load = time.perf_counter(), os.getloadavg()[0]
            _say("", f"{name} (load before: {load:.1f})")
            for line in PARTS[name](kinds):
                _say(line)
            _say(f"  … took {time.perf_counter() - began:.0f} s")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
