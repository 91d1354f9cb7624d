"""Tracked errors: groups, what is known of one, how often, where they go."""

from collections.abc import Mapping
from typing import Any, Final

from dash import (
    ClientsideFunction,
    Dash,
    Input,
    Output,
    State,
    ctx,
    dcc,
    html,
    no_update,
)
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.search import choice, export, segments, text_field
from dashboard.deps import Deps
from dashboard.figures.errors import errors_by_action
from dashboard.format import count
from dashboard.ids import Errors, Shell
from dashboard.offload import offload
from dashboard.panels import error_detail, error_retry
from dashboard.panels.error_parts import groups_table, nothing, sink_lines
from dashboard.views.errors import (
    ANY,
    ORIGINS,
    PAGE,
    RANGE,
    RANGES,
    STATUS,
    STATUSES,
    GroupView,
    filter_of,
    group_view,
    range_of,
    rate_words,
    steps_of,
)
from data.clock import now_ms
from data.exceptions import DataError
from data.store.error_records import ErrorFilter
from data.tracking import Tracker, track_once

PATH: Final = "/errors"
TITLE: Final = "Errors"

#: The fields in the order in which the callback takes them, and their words in the URL.
_FIELDS: Final = (
    (Errors.RANGE, "range"),
    (Errors.STATUS, "status"),
    (Errors.ORIGIN, "origin"),
    (Errors.ACTION, "action"),
    (Errors.COMPONENT, "component"),
    (Errors.JOB, "job"),
    (Errors.SEARCH, "q"),
)
_LOOKS_EVERY_MS: Final = 15_000


def layout(**query: str) -> html.Div:
    """The page with the fields that the URL fills; the callbacks fill the rest."""
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            _filters(query),
            html.Div(
                [
                    _groups(),
                    error_detail.layout(query.get("group", "")),
                ],
                className="errors-columns",
            ),
            _chart(),
            html.Div([_recent(), _sinks()], className="errors-columns"),
            error_retry.layout(),
            dcc.Interval(id=Errors.INTERVAL, interval=_LOOKS_EVERY_MS),
            dcc.Store(id=Errors.CHANGED),
        ],
        id=Errors.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks; without a tracker there is no page."""
    tracker = deps.tracker
    if tracker is None:
        return
    error_detail.register(app, deps)
    error_retry.register(app, deps)
    fields = [Input(id_, "value") for id_, _ in _FIELDS]

    @app.callback(
        {key: Output(*target) for key, target in _OUTPUTS.items()},
        Input(Errors.INTERVAL, "n_intervals"),
        Input(Errors.REFRESH, "n_clicks"),
        Input(Errors.CHANGED, "data"),
        Input(Errors.MORE, "n_clicks"),
        Input(Shell.SOURCE, "value"),
        *fields,
        State(Errors.SHOWN, "data"),
    )
    @offload
    def _look(*values: Any) -> dict[str, Any]:
        *_signs, more, source, asked, shown = *values[:5], values[5:-1], values[-1]
        is_more = ctx.triggered_id in (Errors.MORE, Errors.INTERVAL)
        pages = 1 + (more or 0) * is_more
        return _found(deps, tracker, (source, *asked), shown, pages=pages)

    app.clientside_callback(
        ClientsideFunction("errors", "keep"),
        Output(Errors.EXPORT, "href"),
        Output(Errors.EXPORT_GROUPS, "href"),
        Input(Shell.SOURCE, "value"),
        *fields,
        Input(Errors.GROUPS, "children"),
    )


#: What a look sets.
_OUTPUTS: Final = {
    "groups": (Errors.GROUPS, "children"),
    "count": (Errors.COUNT, "children"),
    "more": (Errors.MORE, "hidden"),
    "chart": (Errors.CHART, "figure"),
    "chart_words": (Errors.CHART_WORDS, "children"),
    "actions": (Errors.ACTION, "options"),
    "components": (Errors.COMPONENT, "options"),
    "sinks": (Errors.SINKS, "children"),
    "problem": (Errors.PROBLEM, "children"),
    "problem_hidden": (Errors.PROBLEM, "hidden"),
    "page": (Errors.PAGE, "className"),
}


def _found(
    deps: Deps, tracker: Tracker, values: Any, shown: Any, *, pages: int
) -> dict[str, Any]:
    names = ("source", *(name for _, name in _FIELDS))
    asked = {
        name: value if isinstance(value, str) else None
        for name, value in zip(names, values, strict=True)
    }
    done = {"problem_hidden": True, "problem": "", "page": "page"}
    try:
        return {**done, **_shown(deps, tracker, asked, shown, pages * PAGE)}
    except DataError as error:
        track_once(error, action="loadErrors", component=Errors.GROUPS)
        words = f"{error} Nothing newer is shown until that is over."
        problem = {"problem_hidden": False, "problem": words, "page": "page is-stale"}
        return {**dict.fromkeys(_OUTPUTS, no_update), **problem}


def _shown(
    deps: Deps,
    tracker: Tracker,
    asked: Mapping[str, str | None],
    shown: Any,
    limit: int,
) -> dict[str, Any]:
    now = now_ms(deps.clock)
    source = deps.narrowed(asked["source"])
    filter_ = filter_of(asked, now)._replace(source=source)
    range_ = range_of(asked["range"])
    errors = deps.store.errors
    found = errors.groups(filter_, limit=limit + 1)
    groups = found[:limit]
    series = errors.series(
        filter_, range_.step_ms, [group.fingerprint for group in groups]
    )
    steps = steps_of(range_, now)
    views = [group_view(one, series.get(one.fingerprint, {}), steps) for one in groups]
    bars = range_._replace(step_ms=range_.bar_ms)
    cells = errors.by_action(filter_, range_.bar_ms)
    words = errors.words(filter_.since, source)
    total = sum(events for _, _, events in cells)
    visible_s = deps.store.viewing.seconds(filter_.since, now)
    return {
        "groups": _table(views, range_.words, shown, filter_, asked["source"] or ""),
        "count": f"most frequent first, {count(len(groups))} shown{_regrouped(deps)}",
        "more": len(found) <= limit,
        "chart": errors_by_action(cells, steps_of(bars, now)),
        "chart_words": rate_words(total, range_.words, visible_s),
        "actions": _options("Any action", words["action"], asked["action"]),
        "components": _options("Any component", words["component"], asked["component"]),
        "sinks": sink_lines(_sink_words(tracker)),
    }


def _regrouped(deps: Deps) -> str:
    """How far stored errors are regrouped, where that goes on."""
    done = deps.store.regrouping.progress()
    return "" if done is None else f" · regrouping stored errors: {done:.0%}"


def _table(
    views: list[GroupView],
    span: str,
    shown: Any,
    filter_: ErrorFilter,
    source: str,
) -> Component:
    chosen = shown["group"] if isinstance(shown, dict) else ""
    if views:
        return groups_table(views, span, chosen, source)
    usual = filter_ == ErrorFilter(
        since=filter_.since, statuses=STATUSES[STATUS][1], source=filter_.source
    )
    if usual:
        return nothing("No open errors", f"Nothing was tracked in the last {span}.")
    return nothing("No errors", "No error matches these words.")


def _options(any_: str, words: list[str], chosen: str | None) -> list[dict[str, str]]:
    """The words that occur; the chosen one stays, though it may occur no more."""
    named = sorted({*words, chosen} - {ANY, "", None}, key=str)
    return [
        {"value": ANY, "label": any_},
        *({"value": str(word), "label": str(word)} for word in named),
    ]


def _sink_words(tracker: Tracker) -> list[tuple[str, str, str]]:
    """Where errors go, what was done, and what is wrong."""
    totals = tracker.intake.totals
    kept = f"{count(totals['kept'])} kept, {count(tracker.intake.size)} waiting"
    for word in ("only counted", "not sent by browsers", "lost"):
        if totals[word]:
            kept += f", {count(totals[word])} {word}"
    lines = [("Store", kept, tracker.intake.problem)]
    for sink in tracker.sinks:
        done = ", ".join(f"{count(n)} {word}" for word, n in sink.totals.items() if n)
        lines.append((sink.name, done or "nothing sent yet", sink.problem))
    return lines


def _filters(query: Mapping[str, str]) -> html.Div:
    ranges = {key: one.words for key, one in RANGES.items()}
    statuses = {key: words for key, (words, _) in STATUSES.items()}
    actions, components = (
        {ANY: words, **{one: one for one in [query.get(name, "")] if one}}
        for name, words in (("action", "Any action"), ("component", "Any component"))
    )
    return html.Div(
        [
            segments(Errors.RANGE, "Time range", ranges, query.get("range", RANGE)),
            segments(Errors.STATUS, "Status", statuses, query.get("status", STATUS)),
            *choice(Errors.ORIGIN, "Origin", ORIGINS, query.get("origin")),
            *choice(Errors.ACTION, "Action", actions, query.get("action")),
            *choice(Errors.COMPONENT, "Component", components, query.get("component")),
            *text_field(Errors.JOB, "Job", "Job…", query.get("job", "")),
            *text_field(Errors.SEARCH, "Text in errors", "Error…", query.get("q", "")),
            html.Button("Refresh", id=Errors.REFRESH, className="link-button"),
        ],
        className="errors-filters filters",
    )


def _groups() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Error groups"),
                    html.Span(id=Errors.COUNT, className="quiet", role="status"),
                    html.Span("CSV of", className="quiet errors-csv"),
                    *export(Errors.EXPORT_GROUPS, "error-groups.csv", "groups"),
                    *export(Errors.EXPORT, "errors.csv", "events"),
                ],
                className="panel-head",
            ),
            html.Div(
                id=Errors.PROBLEM,
                className="outcome-problem",
                role="alert",
                hidden=True,
            ),
            html.Div(id=Errors.GROUPS, className="groups-frame"),
            html.Div(
                html.Button(
                    "More", id=Errors.MORE, className="link-button", hidden=True
                ),
                className="panel-foot",
            ),
        ],
        className="panel",
    )


def _chart() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Tracked errors by action"),
                    html.Span(id=Errors.CHART_WORDS, className="quiet"),
                ],
                className="panel-head",
            ),
            dcc.Graph(
                id=Errors.CHART,
                figure={"data": [], "layout": errors_by_action([], [])["layout"]},
                config={"displayModeBar": False, "responsive": True},
                className="chart",
            ),
        ],
        className="panel",
    )


def _recent() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Recent errors of this tab"),
                    html.Span("kept by the browser", className="quiet"),
                    html.Button(
                        "Clear", id=Errors.RECENT_CLEAR, className="link-button"
                    ),
                ],
                className="panel-head",
            ),
            html.Div(id=Errors.RECENT, className="recent"),
        ],
        className="panel",
        **attributes(aria_label="Recent errors of this tab"),
    )


def _sinks() -> html.Section:
    return html.Section(
        [
            html.Div(html.H2("Where errors go"), className="panel-head"),
            html.Div(id=Errors.SINKS),
        ],
        className="panel",
    )
