"""The week as a picture, drawn without a browser; needs the extra ``pictures``."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

from data.clock import from_ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES: Final = (8.0, 3.4)
_BLUE: Final = "#4f7fe0"
_GREY: Final = "#6f7c8e"
_RED: Final = "#d4493f"


class Day(NamedTuple):
    """What is drawn of one day (UTC)."""

    #: its start, epoch ms
    at: int
    succeeded: int = 0
    failed: int = 0
    #: runs first seen as stalled
    stalled: int = 0

    @property
    def error_rate(self) -> float | None:
        """FAILED / (SUCCEEDED + FAILED) in percent; None when no run ended so."""
        ended = self.succeeded + self.failed
        return 100 * self.failed / ended if ended else None


class Week(NamedTuple):
    """What is drawn of seven days."""

    #: "2026-W48"
    name: str
    days: Sequence[Day]
    #: the same days of the week before
    before: Sequence[Day]
    #: stalled runs a day that are not too many; None where too little is known to tell
    limit: float | None


def picture_of(week: Week) -> bytes | None:
    """A PNG of 800 x 340 pixels: the error rate and the stalled runs of each day.

    None without the extra.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, once a week
    except ImportError:
        return None
    figure = Figure(figsize=_INCHES, layout="constrained")
    rates, stalled = figure.subplots(1, 2)
    _draw_rates(rates, week)
    _draw_stalled(stalled, week)
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    return drawn.getvalue()


def _draw_rates(axes: "Axes", week: Week) -> None:
    before, now = _rates(week.before), _rates(week.days)
    axes.plot(before, color=_GREY, linestyle="--", label="week before")
    axes.plot(now, color=_BLUE, marker="o", label=week.name)
    axes.set_ylim(bottom=0)
    _finish(axes, week, "Error rate, %")


def _draw_stalled(axes: "Axes", week: Week) -> None:
    axes.bar(range(len(week.days)), [day.stalled for day in week.days], color=_BLUE)
    if week.limit is not None:
        limit = f"limit of {week.limit:g}"
        axes.axhline(week.limit, color=_RED, linestyle="--", label=limit)
    axes.yaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    _finish(axes, week, "Stalled runs")


def _rates(days: Sequence[Day]) -> list[float]:
    """Days without runs are gaps."""
    rates = [day.error_rate for day in days]
    return [float("nan") if rate is None else rate for rate in rates]


def _finish(axes: "Axes", week: Week, title: str) -> None:
    names = [f"{from_ms(day.at):%a}" for day in week.days]
    axes.set_title(title, loc="left")
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
