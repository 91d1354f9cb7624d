"""The week in words: numbers in, one message out."""

from collections.abc import Sequence
from statistics import fmean
from typing import Final, NamedTuple

from data.clock import DAY_MS, WEEK_MS, from_ms
from data.model import Severity
from data.notify.texts import plain
from data.rules.messages import Kind, Message
from data.rules.metrics import ENOUGH_INCIDENTS, UPTIME_TARGET
from data.rules.number_text import (
    count,
    growth,
    percent,
    percent_floor,
    points,
    things,
    took,
)

_TITLE_BYTES: Final = 120
_NO_COMPARISON: Final = "no comparison"


class Figures(NamedTuple):
    """What is told of seven days."""

    #: runs that ended so
    succeeded: int = 0
    failed: int = 0
    #: runs first seen as stalled; of a week that is not known from its first day on, None
    stalled: int | None = 0
    #: how long each incident took that ended, in ms
    repairs_ms: Sequence[int] = ()
    #: minutes in which somebody looked, and how many of them were good
    minutes: int = 0
    good_minutes: int = 0

    @property
    def error_rate(self) -> float | None:
        """FAILED / (SUCCEEDED + FAILED); None when no run ended so."""
        ended = self.succeeded + self.failed
        return self.failed / ended if ended else None

    @property
    def uptime(self) -> float | None:
        """Share of good minutes; None when nobody looked."""
        return self.good_minutes / self.minutes if self.minutes else None

    @property
    def repair_ms(self) -> float | None:
        """How long incidents took on average; None without any."""
        return fmean(self.repairs_ms) if self.repairs_ms else None


class CommonError(NamedTuple):
    """A group of errors, and how often it came in the week."""

    title: str
    events: int
    #: below the prefix
    link_path: str


def week_before(at_ms: int) -> tuple[int, int]:
    """The last whole week, from Monday to Monday (UTC), and its end."""
    now = from_ms(at_ms)
    into_week = now.weekday() * DAY_MS + at_ms % DAY_MS
    until = at_ms - into_week
    return until - WEEK_MS, until


def week_name(since_ms: int) -> str:
    """As calendars number weeks: "2026-W48"."""
    year, week, _ = from_ms(since_ms).isocalendar()
    return f"{year}-W{week:02}"


def summary_of(
    since_ms: int,
    now: Figures,
    before: Figures,
    errors: Sequence[CommonError],
    home: str,
) -> Message:
    """What the leads are told of the week that began then, and of the one before."""
    name, before_ms = week_name(since_ms), since_ms - WEEK_MS
    return Message(
        key=f"summary:{name}",
        about="",
        kind=Kind.SUMMARY,
        severity=Severity.INFO,
        title=_title(name, now),
        body="\n".join(
            [
                f"{_days(since_ms)} (UTC), in brackets the week before: {_days(before_ms)}.",
                *_lines(now, before),
                *_errors(errors, home),
                f"Trends: {home}trends?range=7d",
                f"Alerts: {home}alerts",
            ]
        ),
    )


def _days(since_ms: int) -> str:
    first, last = from_ms(since_ms), from_ms(since_ms + 6 * DAY_MS)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _title(name: str, now: Figures) -> str:
    failed = f"Week {name}: {_share(now.error_rate)} of runs failed"
    if now.stalled is None:
        return failed
    return f"{failed}, {things(now.stalled, 'run')} stalled"


def _lines(now: Figures, before: Figures) -> list[str]:
    return [
        _line(
            "Error rate",
            _rate(now),
            _rate(before),
            points(now.error_rate, before.error_rate) or _NO_COMPARISON,
        ),
        _line(
            "Stalled runs",
            _stalled(now),
            _stalled(before),
            _NO_COMPARISON
            if now.stalled is None or before.stalled is None
            else growth(now.stalled, before.stalled),
        ),
        _line(
            "Time to repair",
            _repair(now),
            _repair(before),
            _repair_change(now, before),
        ),
        _line(
            "Perceived uptime",
            f"{_uptime(now.uptime)} of {things(now.minutes, 'minute')}",
            _uptime(before.uptime),
            f"target {_uptime(UPTIME_TARGET)}",
        ),
    ]


def _line(what: str, now: str, before: str, remark: str) -> str:
    return f"{what}: {now} ({before}; {remark})"


def _stalled(week: Figures) -> str:
    return "unknown" if week.stalled is None else count(week.stalled)


def _rate(week: Figures) -> str:
    ended = week.succeeded + week.failed
    return f"{_share(week.error_rate)} of {things(ended, 'run')}"


def _repair_change(now: Figures, before: Figures) -> str:
    fewest = min(len(now.repairs_ms), len(before.repairs_ms))
    if fewest < ENOUGH_INCIDENTS:
        return "too few to compare"
    return growth(now.repair_ms, before.repair_ms)


def _repair(week: Figures) -> str:
    incidents = things(len(week.repairs_ms), "incident")
    return f"{took(week.repair_ms)}, {incidents}" if week.repairs_ms else incidents


def _errors(errors: Sequence[CommonError], home: str) -> list[str]:
    if not errors:
        return ["No errors were tracked."]
    told = ["Most frequent errors:"]
    for one in errors:
        title = plain(one.title, _TITLE_BYTES)
        told += [
            f"- {things(one.events, 'time')}: {title}",
            f"  {home}{one.link_path.lstrip('/')}",
        ]
    return told


def _share(part: float | None) -> str:
    return "unknown" if part is None else percent(part)


def _uptime(part: float | None) -> str:
    return "unknown" if part is None else percent_floor(part)
