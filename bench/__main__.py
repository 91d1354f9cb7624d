"""``python -m bench``: measure, then print one table; exits 1 when a limit is missed."""

import argparse
import logging
import sys
from importlib import import_module
from time import perf_counter
from typing import Final

from bench.asked import Asked
from bench.report import Line, table
from bench.tables import tables

#: Names for ``--only``, and the modules that measure them, in this order.
FIGURES: Final = {
    "stall-check": "bench.stall_check",
    "reads": "bench.reads",
    "push": "bench.push",
    "writer": "bench.writer",
    "pixel": "bench.pixel",
    "browser": "bench.browser_event",
    "history": "bench.history_page",
    "csv": "bench.export",
    "bulk": "bench.bulk",
    "details": "bench.details",
    "cold": "bench.cold_load",
    "errors": "bench.errors",
    "trends": "bench.trends",
}
_HUGE: Final = 10_000_000


def main() -> int:
    """Measure what the arguments ask for; the exit status."""
    options = _parser().parse_args()
    logging.disable(logging.WARNING)
    sizes = {int(float(size)) for size in options.rows.split(",")}
    rows = tuple(sorted(sizes | ({_HUGE} if options.huge else set())))
    lines: list[Line] = []
    with tables() as made:
        for name in options.only or FIGURES:
            started = perf_counter()
            lines += import_module(FIGURES[name]).measure(Asked(made, rows))
            _say(f"{name}: {perf_counter() - started:.0f} s")
    print(table(lines))
    return 0 if all(line.passed for line in lines) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--rows",
        default="1e5,1e6",
        help="sizes of the job table (default: %(default)s)",
    )
    parser.add_argument("--huge", action="store_true", help="1e7 rows as well")
    parser.add_argument(
        "--only", action="append", choices=FIGURES, help="one figure; may be repeated"
    )
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
