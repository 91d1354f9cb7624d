"""Tracked errors for the page, its CSV and the routes: words, ranges, lines."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from dashboard.format import count, shorten_name
from dashboard.views.active import LISTED_NAME, WHOLE_NAME
from dashboard.views.spark import spark_points
from data.clock import DAY_MS, HOUR_MS, from_ms
from data.model import GroupStatus
from data.store.error_records import ErrorFilter, Group, KeptEvent

#: Groups of one page of the list.
PAGE: Final = 50


class Range(NamedTuple):
    """A time range that is offered."""

    words: str
    length_ms: int
    #: of the sparkline, and of the chart
    step_ms: int
    bar_ms: int


RANGES: Final[dict[str, Range]] = {
    "24h": Range("24 h", DAY_MS, HOUR_MS, HOUR_MS),
    "7d": Range("7 d", 7 * DAY_MS, 6 * HOUR_MS, HOUR_MS),
    "30d": Range("30 d", 30 * DAY_MS, DAY_MS, DAY_MS),
    "90d": Range("90 d", 90 * DAY_MS, 3 * DAY_MS, DAY_MS),
}
RANGE: Final = "7d"
#: What the choice of a status means; regressed ones are open again.
STATUSES: Final[dict[str, tuple[str, frozenset[GroupStatus]]]] = {
    "open": ("Open", frozenset({GroupStatus.OPEN, GroupStatus.REGRESSED})),
    "regressed": ("Regressed", frozenset({GroupStatus.REGRESSED})),
    "resolved": ("Resolved", frozenset({GroupStatus.RESOLVED})),
    "ignored": ("Ignored", frozenset({GroupStatus.IGNORED})),
    "all": ("All", frozenset()),
}
STATUS: Final = "open"
#: What a choice says that asks for nothing.
ANY: Final = "any"
ORIGINS: Final[dict[str, str]] = {
    ANY: "Any origin",
    "browser": "Browser",
    "server": "Server",
    "job": "Jobs",
}
#: What an origin is called beside an action.
_PLACES: Final = {"browser": "browser", "server": "server", "job": "worker"}
TONES: Final[dict[GroupStatus, str]] = {
    GroupStatus.OPEN: "bad",
    GroupStatus.REGRESSED: "bad",
    GroupStatus.RESOLVED: "good",
    GroupStatus.IGNORED: "quiet",
}
_COLOURS: Final = {"bad": "#c5392b", "good": "#5f6b7c", "quiet": "#5f6b7c"}
_TITLE: Final = 160
_HOUR_S: Final = 3_600
#: Rates from here on are told without decimals.
_WHOLE: Final = 100
#: Columns of the CSV of events.
EVENT_COLUMNS: Final = (
    "at",
    "level",
    "origin",
    "kind",
    "type",
    "message",
    "action",
    "component",
    "job_name",
    "source",
    "run_id",
    "count",
    "fingerprint",
    "event_id",
    "url",
    "user_agent",
    "params",
    "stacktrace",
)
GROUP_COLUMNS: Final = (
    "fingerprint",
    "title",
    "status",
    "origin",
    "action",
    "component",
    "job_name",
    "events",
    "users",
    "runs",
    "first_seen",
    "last_seen",
)


class GroupView(NamedTuple):
    """One line of the list."""

    fingerprint: str
    title: str
    #: "runJob · match-scores · worker"
    about: str
    #: the same with the name of the job whole
    about_whole: str
    #: an image of the sparkline, as an address
    spark: str
    events: str
    #: "—" where there are none
    users: str
    runs: str
    last_seen: int
    first_seen: int
    status: str
    tone: str


def filter_of(values: Mapping[str, str | None], now_ms: int) -> ErrorFilter:
    """The words of the URL as a filter; a word that is unknown means no condition."""
    asked = RANGES.get(values.get("range") or RANGE, RANGES[RANGE])
    _, statuses = STATUSES.get(values.get("status") or STATUS, STATUSES[STATUS])
    words = {name: value for name, value in values.items() if value and value != ANY}
    origin = words.get("origin", "")
    return ErrorFilter(
        since=now_ms - asked.length_ms,
        statuses=statuses,
        origin=origin if origin in ORIGINS else "",
        action=words.get("action", ""),
        component=words.get("component", ""),
        job_name=words.get("job", "").strip(),
        text=words.get("q", "").strip(),
    )


def range_of(word: str | None) -> Range:
    """The range of that word; of an unknown one the usual range."""
    return RANGES.get(word or RANGE, RANGES[RANGE])


def group_view(
    group: Group, series: Mapping[int, int], steps: Sequence[int]
) -> GroupView:
    """A group as a line; ``steps`` are the starts that its sparkline shows."""
    place = _PLACES.get(group.origin, group.origin)
    name = group.job_name or group.component
    tone = TONES[group.status]
    return GroupView(
        fingerprint=group.fingerprint,
        title=group.title[:_TITLE],
        about=_about(group.action, shorten_name(name, LISTED_NAME), place),
        about_whole=_about(group.action, shorten_name(name, WHOLE_NAME), place),
        spark=spark_image([series.get(step, 0) for step in steps], _COLOURS[tone]),
        events=count(group.events),
        users=_number(group.visitors),
        runs=_number(group.runs),
        last_seen=group.last_seen,
        first_seen=group.first_seen,
        status=group.status.capitalize(),
        tone=tone,
    )


def _about(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def rate_words(events: int, span: str, visible_s: int) -> str:
    """How many errors there were, and for how much looking at pages; both named."""
    words = f"{count(events)} tracked error{'' if events == 1 else 's'} in {span}"
    if visible_s < _HOUR_S:
        return words
    rate = 100 * events / (visible_s / _HOUR_S)
    return f"{words}, {rate:,.{0 if rate >= _WHOLE else 1}f} per 100 session-hours"


def steps_of(range_: Range, now_ms: int) -> list[int]:
    """The starts of the sparkline's steps, oldest first."""
    first = (now_ms - range_.length_ms) // range_.step_ms * range_.step_ms
    return [*range(first, now_ms + 1, range_.step_ms)]


def spark_image(values: Sequence[float], colour: str) -> str:
    """A sparkline as the address of an image."""
    line = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 24' "
        "preserveAspectRatio='none'><polyline fill='none' "
        f"stroke='{colour}' stroke-width='1.5' vector-effect='non-scaling-stroke' "
        f"points='{spark_points(values)}'/></svg>"
    )
    return "data:image/svg+xml," + line.replace("#", "%23").replace("<", "%3C").replace(
        ">", "%3E"
    )


def body_of(event: KeptEvent) -> dict[str, Any]:
    """The event as it was told; what cannot be read is left out."""
    found = json.loads(event.body)
    return found if isinstance(found, dict) else {}


def context_json(body: Mapping[str, Any]) -> str:
    """Message and context for people, without what is empty."""
    context = {
        name: value
        for name, value in body.get("context", {}).items()
        if value not in ("", None)
    }
    message = body.get("exception", {}).get("message", "")
    told = {"message": message, "context": context}
    return json.dumps(told, indent=2, ensure_ascii=False)


def support_text(group: Group, event: KeptEvent, title: str) -> str:
    """Everything that somebody who helps needs, as one text; scrubbed when it was kept."""
    body = body_of(event)
    exception = body.get("exception", {})
    crumbs = [
        f"  {crumb.get('t', 0) / 1000:+.1f} s {crumb.get('c', '')}: {crumb.get('m', '')}"
        for crumb in body.get("breadcrumbs", [])
    ]
    parts = [
        f"{title}: {group.title}",
        f"{group.fingerprint}, {group.status}, event {event.event_id}",
        f"First seen {_utc(group.first_seen)}, last seen {_utc(group.last_seen)}",
        (
            f"{event.kind} in the {_PLACES.get(event.origin, event.origin)} "
            f"at {_utc(event.at)}"
        ),
        context_json(body),
        exception.get("stacktrace", ""),
    ]
    if crumbs:
        parts.append("\n".join(["Before that:", *crumbs]))
    return "\n\n".join(part for part in parts if part)


def event_cells(event: KeptEvent) -> list[str]:
    """One line of the CSV of events, in the order of ``EVENT_COLUMNS``."""
    body = body_of(event)
    context = body.get("context", {})
    params = context.get("params")
    cells = {
        **event._asdict(),
        "at": _utc(event.at),
        "count": str(event.times),
        "url": context.get("url", ""),
        "user_agent": context.get("userAgent", ""),
        "params": "" if params is None else json.dumps(params, ensure_ascii=False),
        "stacktrace": body.get("exception", {}).get("stacktrace", ""),
    }
    return [str(cells[name]) for name in EVENT_COLUMNS]


def group_cells(group: Group) -> list[str]:
    """One line of the CSV of groups, in the order of ``GROUP_COLUMNS``."""
    cells = {
        **group._asdict(),
        "users": group.visitors,
        "first_seen": _utc(group.first_seen),
        "last_seen": _utc(group.last_seen),
    }
    return [str(cells[name]) for name in GROUP_COLUMNS]


def _number(number: int) -> str:
    return count(number) if number else "—"


def _utc(at_ms: int) -> str:
    return from_ms(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
