"""What viewers had of their pages over time, as metrics of the trends page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

from dashboard.figures.runs import rates_figure
from dashboard.figures.template import BLUE, GREEN, Limit, Line
from dashboard.format import count, percent
from dashboard.views.trends import AT, Column, Kind, Question, Trend, joined
from data.rules.metrics import UPTIME_BUDGET_MINUTES, UPTIME_TARGET, budget_left, share
from data.rules.number_text import percent_floor, things

_NOBODY: Final = "Nobody looked at a page in this range."
_DISCONNECT_COLUMNS: Final = (
    AT,
    Column("disconnected", "Lost the connection", Kind.SHARE),
    Column("highest", "Highest in 15 minutes", Kind.SHARE),
    Column("lost", "Lost it", Kind.COUNT),
)
_UPTIME_COLUMNS: Final = (
    AT,
    Column("uptime", "Perceived uptime", Kind.SHARE),
    Column("good_minutes", "Good minutes", Kind.COUNT),
    Column("minutes", "Visible minutes", Kind.COUNT),
)
#: Below the lowest value there is room for so much of what is missing to 100 %.
_ROOM: Final = 1.2
#: With less missing the axis needs more digits.
_SMALL: Final = 0.1


class Quarter(NamedTuple):
    """Who looked in a quarter of an hour, and who of them lost the live connection."""

    viewers: int
    lost: int


class Minutes(NamedTuple):
    """Minutes in which somebody looked, and how many of them were good."""

    minutes: int
    good: int


class ReportView(TypedDict):
    """A report of "not updating"; who made it is not told."""

    at: int
    source: str
    words: str
    tone: str


def disconnects_trend(
    question: Question,
    quarters: Iterable[tuple[int, int, int]],
    everybody: tuple[int, int],
    limit: float,
) -> Trend:
    """Viewers who lost the live connection, as the alert counts: in 15 minutes.

    ``quarters`` are (start of a quarter of an hour, viewers, of them who lost it); a step
    is the mean of its own, weighted by viewers. ``everybody`` are the viewers of the
    whole range, and of them who lost it at some time.
    """
    at, step_ms = question.span.steps, question.span.step_ms
    by_step: dict[int, list[Quarter]] = defaultdict(list)
    for start, there, lost in quarters:
        by_step[start // step_ms * step_ms].append(Quarter(there, lost))
    found = [by_step.get(start, []) for start in at]
    values = [_lost(some) for some in found]
    everything = [quarter for some in found for quarter in some]
    viewers, lost_it = everybody
    number = f"{percent(_lost(everything))} per 15 min" if everything else ""
    whole = f"{count(lost_it)} of {things(viewers, 'viewer')}" if viewers else ""
    return Trend(
        words=joined(number, whole, f"limit {percent(limit)}"),
        columns=_DISCONNECT_COLUMNS,
        rows=[
            (start, value, _highest(some), sum(one.lost for one in some))
            for start, value, some in zip(at, values, found, strict=True)
        ],
        figure=rates_figure(
            question.frame(),
            at,
            [
                Line(
                    "lost the live connection",
                    BLUE,
                    values,
                    [_lost_words(some) for some in found],
                    bridged=True,
                )
            ],
            [Limit(limit, "alert limit")],
        ),
        step_ms=step_ms,
        note="Of those who looked in a quarter of an hour, as the alert counts it.",
        empty="" if everything else _NOBODY,
    )


def _lost(quarters: Sequence[Quarter]) -> float | None:
    return share(sum(q.lost for q in quarters), sum(q.viewers for q in quarters))


def _highest(quarters: Sequence[Quarter]) -> float | None:
    return max((q.lost / q.viewers for q in quarters if q.viewers), default=None)


def _lost_words(quarters: Sequence[Quarter]) -> str:
    return (
        f"{percent(_lost(quarters))}, at most {percent(_highest(quarters))} at a time"
    )


def uptime_trend(
    question: Question, steps: Mapping[int, Minutes], month: Minutes
) -> Trend:
    """Good visible minutes / visible minutes; ``month`` are the last thirty days."""
    at = question.span.steps
    found = [steps.get(start, Minutes(0, 0)) for start in at]
    values = [share(one.good, one.minutes) for one in found]
    words = [
        f"{percent_floor(share(one.good, one.minutes))} of {count(one.minutes)} minutes"
        for one in found
    ]
    figure = rates_figure(
        question.frame(),
        at,
        [Line("perceived uptime", GREEN, values, words, bridged=True)],
        [Limit(UPTIME_TARGET, f"target {percent_floor(UPTIME_TARGET)}", below=True)],
    )
    figure["layout"]["yaxis"] |= _close_to_all(values)
    together = added(found)
    number = (
        percent_floor(share(together.good, together.minutes))
        if together.minutes
        else ""
    )
    return Trend(
        words=joined(
            number, f"target {percent_floor(UPTIME_TARGET)}", _budget_words(month)
        ),
        columns=_UPTIME_COLUMNS,
        rows=[
            (start, value, one.good, one.minutes)
            for start, value, one in zip(at, values, found, strict=True)
        ],
        figure=figure,
        step_ms=question.span.step_ms,
        empty="" if together.minutes else _NOBODY,
    )


def minutes_by(
    slots: Iterable[tuple[int, Minutes]], step_ms: int
) -> dict[int, Minutes]:
    """Slots of five minutes added up to steps."""
    found: dict[int, list[Minutes]] = defaultdict(list)
    for at, minutes in slots:
        found[at // step_ms * step_ms].append(minutes)
    return {at: added(parts) for at, parts in found.items()}


def added(parts: Sequence[Minutes]) -> Minutes:
    """The sum of these."""
    return Minutes(sum(one.minutes for one in parts), sum(one.good for one in parts))


def report_view(at: int, source: str, *, confirmed: bool) -> ReportView:
    """A report; ``confirmed`` when that tab's own record shows data that was too old."""
    words = "confirmed: its data was too old" if confirmed else "not confirmed"
    return ReportView(
        at=at, source=source, words=words, tone="bad" if confirmed else "quiet"
    )


def _budget_words(month: Minutes) -> str:
    left = budget_left(month.good, month.minutes)
    if left is None:
        return ""
    if left < 0:
        return f"30 d budget overspent by {count(-left)} min"
    return f"30 d budget: {left} of {UPTIME_BUDGET_MINUTES} min left"


def _close_to_all(values: Sequence[float | None]) -> dict[str, object]:
    """An axis that ends a little above 100 %."""
    lowest = min([UPTIME_TARGET, *(one for one in values if one is not None)])
    missing = 1 - lowest
    low = max(0.0, 1 - _ROOM * missing)
    return {
        "range": [low, 1 + 0.06 * missing],
        "tickformat": ".4~%" if missing < _SMALL else ".2~%",
    }
