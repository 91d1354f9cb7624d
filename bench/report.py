"""What was measured, and the table it is printed as."""

from collections.abc import Iterable
from statistics import quantiles
from typing import Final, NamedTuple

_HEAD: Final = ("figure", "database", "size", "value", "ratio", "pass limit", "")


class Line(NamedTuple):
    """One figure on one database."""

    figure: str
    #: "SQLite", "PostgreSQL", or "-" where no database is asked
    database: str
    size: str
    #: what was measured, with its unit
    value: str
    #: against what it was measured in the same run; "" for none
    ratio: str
    limit: str
    passed: bool


def table(lines: Iterable[Line]) -> str:
    """The lines as a table in Markdown, for a terminal as well."""
    cells = [
        _HEAD,
        *((*line[:-1], "pass" if line.passed else "**FAIL**") for line in lines),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_row(row, widths) for row in (cells[0], rule, *cells[1:]))


def percentile(values: Iterable[float], percent: int) -> float:
    """The ``percent``-th percentile, 1 to 99; at least two values are needed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _row(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
