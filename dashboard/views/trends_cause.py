"""What moved a metric: the parts of a change, and where to look at what is behind it."""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict
from urllib.parse import urlencode

from dashboard.format import count, shorten
from dashboard.views.errors import RANGES as ERROR_RANGES
from data.rules.metrics import Part, parts_of_change

#: Lines that are shown of each kind.
_MOST: Final = 5
_NAME: Final = 80


class LineView(TypedDict):
    """One part of a change."""

    name: str
    words: str
    #: it made worse what the number is about
    bad: bool


class LinkView(TypedDict):
    """Where to go on; the address is below the prefix."""

    words: str
    href: str


class PartsView(TypedDict):
    """The parts of a change by one thing: job types, error groups."""

    title: str
    lines: list[LineView]


class CauseView(TypedDict):
    """What is said of a chosen point."""

    title: str
    #: the numbers of the point, and of the week before
    words: str
    parts: list[PartsView]
    links: list[LinkView]


class Runs(NamedTuple):
    """Which runs a link shows in the history."""

    source: str
    job: str
    since: int
    until: int

    def link(self, words: str, status: str = "all") -> LinkView:
        """These runs, with this status."""
        query = {
            "source": self.source,
            "status": status,
            "job": self.job,
            "range": f"{self.since}-{self.until}",
        }
        return _link(words, "history", query, nothing="all")


def errors_link(words: str, age_ms: int, **query: str) -> LinkView:
    """Errors in the shortest range of their page that reaches so far back."""
    found = [key for key, one in ERROR_RANGES.items() if one.length_ms >= age_ms]
    range_ = found[0] if found else [*ERROR_RANGES][-1]
    return _link(words, "errors", {"range": range_, **query})


def alerts_link() -> LinkView:
    """The page of alerts."""
    return _link("Alerts", "alerts", {})


def parts_view(
    title: str,
    now: Mapping[str, float],
    before: Mapping[str, float],
    *,
    points: bool = False,
    more_is_bad: bool = True,
) -> PartsView:
    """Who made the change, largest first; ``points``: the numbers are shares of runs."""
    parts = parts_of_change(now, before)[:_MOST]
    lines = [_line(one, points=points, bad=more_is_bad) for one in parts]
    return PartsView(title=title, lines=lines)


def _line(part: Part, *, points: bool, bad: bool) -> LineView:
    size = abs(part.change)
    number = f"{max(size * 100, 0.01):.2f} points" if points else count(round(size))
    of_all = "" if part.share is None else f", {_signed(part.share)} of the change"
    return LineView(
        name=shorten(part.name, _NAME) or "—",
        words=f"{'+' if part.change > 0 else '−'}{number}{of_all}",
        bad=bad and part.change > 0,
    )


def _signed(share: float) -> str:
    return f"{'−' if share < 0 else ''}{abs(share):.0%}"


def _link(
    words: str, path: str, query: Mapping[str, str], nothing: str = ""
) -> LinkView:
    said = {name: value for name, value in query.items() if value not in ("", nothing)}
    return LinkView(words=words, href=f"{path}?{urlencode(said)}" if said else path)
