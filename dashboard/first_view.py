"""The snapshot as plain HTML in the page itself: readable before any script has run.

The same components as the page, filled here as assets/overview.js fills them there.
assets/first.js takes it away when the page proper is painted below it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.static import Markup, to_html
from dashboard.format import ago, duration, limit, moment
from dashboard.ids import Active, Notices, Overview, Shell, Stalled
from dashboard.panels import active, stalled, tiles
from dashboard.views.active import RowView
from dashboard.views.overview import OverviewView, TroubleView
from dashboard.views.signs import spans
from dashboard.views.tiles import TileView

#: As many as the grid shows at once.
_ROWS: Final = 14
_WITHOUT_SCRIPTS: Final = (
    "Frozen: this page cannot run its scripts. A frame with a sandbox needs "
    "allow-scripts allow-same-origin."
)
_HEADINGS: Final = (
    *("Job", "Run", "Status", "Elapsed / limit", "Worker", "Liveness", "Progress"),
)


def first_view(
    header: Component,
    parts: Sequence[Any],
    message: Mapping[str, Any] | None = None,
) -> str:
    """The page around ``parts``, which are empty for a page that is not known here.

    ``message`` is what they are made of: a page that stays as it is says how old it is,
    and assets/order.js puts nothing older in its place.
    """
    read_at = message["read_at"] if message else None
    page = html.Div(list(parts), id=Overview.PAGE, className="page")
    notice = _frozen(read_at)
    parts = [header, notice, html.Main(page)]
    return to_html(html.Div(parts, id=Shell.FIRST_VIEW, **_origin(message)))


def _origin(message: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of which process and read the page is."""
    if message is None:
        return {}
    read_at = message["read_at"]
    return attributes(
        data_source=str(message["source"]),
        data_boot=str(message["boot"]),
        data_seq=str(message["seq"]),
        data_read_at="" if read_at is None else str(read_at),
    )


def _frozen(read_at: int | None) -> Component:
    """Said where the page proper cannot come; assets/first.js shows it.

    Without scripts nothing can come: that is said at once.
    """
    stamp: list[Any] = []
    if read_at is not None:
        at = f"{moment(read_at, UTC, 0)} UTC"  # as of 1970: with day and year
        since: dict[str, Any] = attributes(data_since=str(read_at), data_as="clock")
        stamp = [html.Span(["Data from ", html.Span(at, **since), "."])]
    words = html.Strong(id=Notices.FROZEN_WORDS, role="status")
    notice = html.Div(
        [words, *stamp], id=Notices.FROZEN, className="page-notice", hidden=True
    )
    without = html.Div([html.Strong(_WITHOUT_SCRIPTS), *stamp], className="page-notice")
    return html.Section(
        [notice, html.Noscript(without)],
        className="page-notices",
        **attributes(aria_label="About this page"),
    )


def overview_parts(view: OverviewView, now_ms: int) -> dict[str, list[Any]]:
    """Panels of the overview by name, filled from ``view`` as of ``now_ms``."""
    return {
        "trouble": [_trouble(view["trouble"], now_ms)],
        "stalled": [_banner(view)],
        "status": [_tiles(view["tiles"], now_ms)],
        "active": [_active(view, now_ms)],
    }


def _trouble(trouble: TroubleView | None, now_ms: int) -> Component | None:
    if trouble is None:
        return None
    since = f"{trouble['title']} for {duration(now_ms - trouble['since'])}"
    return html.Div(
        [html.Strong(since), trouble["message"]],
        id=Overview.TROUBLE,
        className="trouble",
        role="alert",
    )


def _banner(view: OverviewView) -> Component | None:
    """The layout of the banner with its words; its buttons come with the page."""
    banner = view["banner"]
    if not banner["count"]:
        return None
    filled: Any = stalled.layout()
    words = {Stalled.TITLE: banner["title"], Stalled.DETAIL: banner["detail"]}
    _fill(filled, words)
    filled.hidden = False
    found: Component = filled
    return found


def _tiles(views: Mapping[str, TileView], now_ms: int) -> Component:
    section = tiles.layout()
    for tile in section.children or []:
        view = views[tile.id]
        _, value, note, spark = tile.children
        value.children = view["value"]
        note.children = _note(view, now_ms)
        spark.children = _sparkline(view.get("spark", ""))
        setattr(tile, "data-tone", view.get("tone", ""))
    return section


def _note(view: TileView, now_ms: int) -> str:
    since, at = view.get("since"), view.get("at")
    if since is not None:
        return f"{view['note']} {duration(now_ms - since)}"
    return f"{view['note']} {ago(now_ms - at)}" if at else view["note"]


def _sparkline(points: str) -> Markup:
    """What assets/overview.js draws; ``points`` are numbers."""
    line = f'<polyline points="{points}"></polyline>' if points else ""
    head = '<svg viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">'
    return Markup(f"{head}{line}</svg>" if line else "")


def _active(view: OverviewView, now_ms: int) -> Component:
    section = active.layout()
    head, _grid, _empty = section.children
    _fill(head, {Active.COUNT: view["active"]["count"]})
    rows = view["active"]["rows"][:_ROWS]
    shown: Component = html.Div(
        [
            html.Div([html.Span(words) for words in _HEADINGS], className="first-head"),
            *(_row(row, now_ms) for row in rows),
        ],
        className="first-grid",
    )
    none = html.Div(html.Strong("No active jobs"), className="empty")
    section.children = [head, shown if rows else none]
    return section


def _row(row: RowView, now_ms: int) -> Component:
    mark = "⚠ " if row["tone"] == "warn" else ""
    cells = [
        html.Span(row["job"], className="cell-job"),
        html.Span(row["id"], className="cell-run"),
        html.Span(
            html.Span(f"{mark}{row['status']}", className=f"chip tone-{row['tone']}")
        ),
        html.Span(_elapsed(row, now_ms), className="elapsed-words"),
        html.Span(row.get("worker", "")),
        html.Span(_alive(row, now_ms)),
        html.Span(f"{row['progress']:.0%}" if "progress" in row else ""),
    ]
    return html.Div(cells, className="first-row")


def _elapsed(row: RowView, now_ms: int) -> str:
    started = row.get("started")
    ran = "—" if started is None else duration(now_ms - started)
    return f"{ran} / {limit(row['limit'])}"


def _alive(row: RowView, now_ms: int) -> str:
    words, beat = row.get("alive", ""), row.get("beat")
    if beat is None:
        return words
    if words == "due":
        return f"due in {duration(beat - now_ms)}" if beat > now_ms else "due now"
    age = duration(now_ms - beat) if spans(words) else ago(now_ms - beat)
    return f"{words} {age}"


def _fill(part: Component, words: Mapping[str, str]) -> None:
    """Put words into the elements with these ids, wherever in ``part`` they are."""
    inside: Iterable[Any] = part._traverse()  # noqa: SLF001  # Dash's only walk of a tree
    for child in inside:
        if isinstance(child, Component) and getattr(child, "id", None) in words:
            filled: Any = child
            filled.children = words[filled.id]
