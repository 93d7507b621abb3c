"""Prints the figures of the README: `python -m tests.bench`, or of some parts only, named after it."""

import argparse
import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from tests.bench.broadcast import measure_broadcast
from tests.bench.claiming import measure_claiming
from tests.bench.copying import measure_copying
from tests.bench.due import measure_due
from tests.bench.encrypted import measure_encrypted
from tests.bench.enqueue import measure_enqueue
from tests.bench.idle import measure_idle
from tests.bench.increments import measure_increments
from tests.bench.matrix import measure_matrix
from tests.bench.pausing import measure_pausing
from tests.bench.replies import measure_replies
from tests.bench.stores import ABOUT, Kind, every_kind
from tests.bench.takeover import measure_takeover
from tests.bench.talk import measure_talk

Part = Callable[[Sequence[Kind]], Iterator[str]]
"""Measures something on each kind of store and gives its lines as they come."""

PARTS: dict[str, Part] = {
    "talk": measure_talk,
    "enqueue": measure_enqueue,
    "claiming": measure_claiming,
    "due": measure_due,
    "idle": measure_idle,
    "replies": measure_replies,
    "broadcast": measure_broadcast,
    "pausing": measure_pausing,
    "takeover": measure_takeover,
    "increments": measure_increments,
    "copying": measure_copying,
    "matrix": measure_matrix,
    "encrypted": measure_encrypted,
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
            gc.collect()
            gc.freeze()  # as the program does once it has started
            for line in PARTS[name](kinds):
                _say(line)
            _say(f"  … took {time.perf_counter() - began:.0f} s")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
