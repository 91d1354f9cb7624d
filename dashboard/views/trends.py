"""One metric over time: what its chart, its table, its CSV and its JSON are made of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypedDict

from dashboard.figures.template import Frame, emptied
from dashboard.format import UNKNOWN, count, percent, took
from dashboard.views.trends_range import Span, moment_words
from data.clock import from_ms

#: What a cell holds; None where nothing is known.
Cell = str | int | float | None


class Kind(StrEnum):
    """What the numbers of a column are."""

    #: the start of a step, epoch ms
    INSTANT = "instant"
    SHARE = "share"
    COUNT = "count"
    #: milliseconds
    DURATION = "duration"
    #: milliseconds out of a histogram: within 4.8 %
    ABOUT = "about"
    TEXT = "text"


class Column(NamedTuple):
    """One column of the table."""

    #: in JSON and CSV
    name: str
    title: str
    kind: Kind


AT: Final = Column("at", "From (UTC)", Kind.INSTANT)


class Question(NamedTuple):
    """What is asked for."""

    span: Span
    #: name of a source, "" for all
    source: str
    #: job type, "" for all
    job: str

    def frame(self, span: Span | None = None) -> Frame:
        """The axis of time; zoom is kept for the same question."""
        span = span or self.span
        revision = f"{self.span.words} {self.source} {self.job}"
        return Frame(span.since, span.until, span.step_ms, revision)


class Trend(NamedTuple):
    """One metric, asked and answered."""

    #: beside the heading: the number, the change
    words: str
    columns: Sequence[Column]
    #: oldest first; the first cell of each is its start or its name
    rows: Sequence[Sequence[Cell]]
    figure: dict[str, Any]
    #: length of a row's step, 0 where rows are no steps
    step_ms: int = 0
    #: said below the chart
    note: str = ""
    #: why there is nothing to draw, "" when there is
    empty: str = ""


class TrendView(TypedDict):
    """A metric for the page."""

    words: str
    note: str
    empty: str
    figure: dict[str, Any]
    #: titles of the table's columns, then its rows in words
    heads: list[str]
    cells: list[list[str]]
    #: by row: what a click on it asks for
    keys: list[Cell]


def trend_view(trend: Trend) -> TrendView:
    """A metric as the page shows it."""
    return TrendView(
        words=trend.words,
        note=trend.note,
        empty=trend.empty,
        figure=emptied(trend.figure) if trend.empty else trend.figure,
        heads=[column.title for column in trend.columns],
        cells=[
            [
                in_words(cell, column.kind, trend.step_ms)
                for cell, column in zip(row, trend.columns, strict=True)
            ]
            for row in trend.rows
        ],
        keys=[row[0] for row in trend.rows],
    )


def in_words(cell: Cell, kind: Kind, step_ms: int) -> str:
    """A cell of the table."""
    if cell is None:
        return UNKNOWN
    if isinstance(cell, str):
        return cell
    if kind is Kind.INSTANT:
        return moment_words(int(cell), step_ms)
    if kind is Kind.SHARE:
        return percent(cell)
    if kind is Kind.COUNT:
        return count(int(cell))
    return ("~" if kind is Kind.ABOUT else "") + took(cell)


def csv_cell(cell: Cell, kind: Kind) -> str:
    """A cell of the CSV: instants are ISO 8601, what is not known is empty."""
    if cell is None:
        return ""
    if kind is Kind.INSTANT and isinstance(cell, int):
        return from_ms(cell).isoformat()
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def json_rows(trend: Trend) -> list[dict[str, Cell]]:
    """The rows for programs."""
    names = [column.name for column in trend.columns]
    return [dict(zip(names, row, strict=True)) for row in trend.rows]


def joined(*parts: str) -> str:
    """The parts that say something, beside each other."""
    return " · ".join(part for part in parts if part)
