"""How runs, viewers and incidents fared over time: charts for who runs the operation."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.search import choice, segments
from dashboard.deps import Deps
from dashboard.format import shorten_name
from dashboard.ids import Shell, Trends
from dashboard.offload import offload
from dashboard.panels import chart
from dashboard.trends.asked import (
    known_jobs,
    progress,
    question_of,
    reports,
    trouble_words,
)
from dashboard.trends.causes import cause_of
from dashboard.trends.metrics import METRICS
from dashboard.urls import below
from dashboard.views.trends import Question, TrendView, trend_view
from dashboard.views.trends_cause import CauseView
from dashboard.views.trends_range import CUSTOM, RANGE, RANGES
from data.clock import MINUTE_MS, now_ms
from data.exceptions import DataError, InvalidRequestError, UnknownSourceError
from data.tracking import track_once

PATH: Final = "/trends"
TITLE: Final = "Trends"

#: The charts in their order, and the metrics that they show.
CHARTS: Final[Mapping[str, str]] = {
    Trends.ERROR_RATE: "error-rate",
    Trends.STALLED: "stalled",
    Trends.DURATION: "duration",
    Trends.DISCONNECTS: "disconnects",
    Trends.THROUGHPUT: "throughput",
    Trends.UPTIME: "uptime",
    Trends.MTTR: "mttr",
    Trends.ERROR_TYPES: "error-types",
}
#: A select shows no option without a value: this one stands for no job type.
ANY: Final = "(all jobs)"
ALL_JOBS: Final = "All jobs"
#: How often it is asked whether anything changed.
_LOOKS_EVERY_MS: Final = 15_000
#: Answers that are kept for the next who asks the same.
_KEPT: Final = 32
_LONGEST_DAY: Final = 40
#: A select is as wide as its longest option.
_LONGEST_LABEL: Final = 60
#: What is asked for besides the source, in this order.
FIELDS: Final = (Trends.RANGE, Trends.FIRST, Trends.LAST, Trends.JOB)
Views = Callable[[Question, str], dict[str, TrendView]]


def layout(**query: str) -> html.Div:
    """The page with the fields that the URL fills; what was found fills the rest."""
    cards = [chart.card(id_, m, METRICS[m].title) for id_, m in CHARTS.items()]
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            _filters(query),
            html.Div(
                id=Trends.PROBLEM,
                className="outcome-problem",
                role="alert",
                hidden=True,
            ),
            html.Div(
                id=Trends.TROUBLE, className="trend-trouble", role="status", hidden=True
            ),
            html.Div(
                [
                    html.Progress(
                        id=Trends.PROGRESS,
                        max="100",
                        value="0",
                        **attributes(aria_labelledby=Trends.PROGRESS_WORDS),
                    ),
                    html.Span(id=Trends.PROGRESS_WORDS, className="quiet"),
                ],
                className="trend-progress",
                hidden=True,
            ),
            html.Div(cards, className="trends-grid"),
            _reports(),
            dcc.Interval(id=Trends.INTERVAL, interval=_LOOKS_EVERY_MS),
            *(
                dcc.Store(id=id_)
                for id_ in (Trends.ASKED, Trends.FOUND, Trends.CHOSEN, Trends.CAUSE)
            ),
        ],
        id=Trends.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks."""

    @lru_cache(maxsize=_KEPT)
    def views(question: Question, _stamp: str) -> dict[str, TrendView]:
        return {
            name: trend_view(metric.read(deps.store, question))
            for name, metric in METRICS.items()
        }

    @app.callback(
        Output(Trends.FOUND, "data"),
        Input(Trends.ASKED, "data"),
        prevent_initial_call=True,
    )
    @offload
    def _look(asked: Any) -> dict[str, Any]:
        return _found(deps, asked, views)

    @app.callback(
        Output(Trends.CAUSE, "data"),
        Input(Trends.CHOSEN, "data"),
        prevent_initial_call=True,
    )
    @offload
    def _choose(chosen: Any) -> dict[str, Any]:
        return _caused(deps, chosen)

    @app.callback(
        Output(Trends.JOB, "options"),
        Input(Shell.SOURCE, "value"),
        State(Trends.JOB, "value"),
    )
    @offload
    def _offer(source: str, chosen: Any) -> list[dict[str, str]]:
        return _options(deps, source, chosen)

    _register_browser_side(app)


def _register_browser_side(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("trends", "ask"),
        Output(Trends.ASKED, "data"),
        Input(Trends.INTERVAL, "n_intervals"),
        Input(Shell.SOURCE, "value"),
        *(Input(id_, "value") for id_ in FIELDS),
    )
    app.clientside_callback(
        ClientsideFunction("trends", "paint"),
        *(Output(id_, "figure") for id_ in CHARTS),
        Input(Trends.FOUND, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("trends", "choose"),
        Output(Trends.CHOSEN, "data"),
        *(Input(id_, "clickData") for id_ in CHARTS),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("trends", "zoomed"),
        *(Input(id_, "relayoutData") for id_ in CHARTS),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("trends", "caused"),
        Input(Trends.CAUSE, "data"),
        prevent_initial_call=True,
    )


def _found(deps: Deps, asked: Any, views: Views) -> dict[str, Any]:
    """What was found, with the number of the question that it answers."""
    words = asked if isinstance(asked, dict) else {}
    answer = {"number": words.get("number"), "problem": ""}
    now = now_ms(deps.clock)
    try:
        question = question_of(deps, words, now)
        stamp = f"{deps.store.trends.generation()}:{now // MINUTE_MS}"
        if words.get("have") == stamp:
            return {**answer, "same": True}
        return {
            **answer,
            "stamp": stamp,
            "trends": views(question, stamp),
            "range": [question.span.since, question.span.until],
            "reports": reports(deps, question),
            "progress": progress(deps, question.source),
            "trouble": trouble_words(deps, question.source),
        }
    except (InvalidRequestError, UnknownSourceError) as error:
        return {**answer, "problem": str(error), "asked_wrong": True}
    except DataError as error:
        track_once(error, action="loadTrends", component=Trends.PAGE)
        return {**answer, "problem": str(error)}


def _caused(deps: Deps, chosen: Any) -> dict[str, Any]:
    """What moved the chosen point, or why that cannot be told."""
    words = chosen if isinstance(chosen, dict) else {}
    answer = {"metric": words.get("metric"), "problem": ""}
    now = now_ms(deps.clock)
    try:
        question = question_of(deps, words, now)
        metric = str(words.get("metric"))
        cause = cause_of(deps.store, metric, words.get("key"), question, now)
        return {**answer, **_below(deps, cause)}
    except DataError as error:
        return {**answer, "problem": str(error)}


def _below(deps: Deps, cause: CauseView) -> dict[str, Any]:
    """The same with addresses below the prefix."""
    links = [
        {**link, "href": below(deps.look.prefix, link["href"])}
        for link in cause["links"]
    ]
    return {**cause, "links": links}


def _options(deps: Deps, source: str, chosen: Any) -> list[dict[str, str]]:
    """The job types there are; the chosen one stays, though it may not be among them."""
    try:
        names = known_jobs(deps, source, now_ms(deps.clock))
    except DataError:
        names = []
    kept = [chosen] if isinstance(chosen, str) and chosen not in (ANY, *names) else []
    labels = [
        {"value": name, "label": shorten_name(name, _LONGEST_LABEL)}
        for name in (*names, *kept)
    ]
    return [{"value": ANY, "label": ALL_JOBS}, *labels]


def _filters(query: Mapping[str, str]) -> html.Div:
    ranges = {key: one.words for key, one in RANGES.items()} | {CUSTOM: "Custom"}
    job = query.get("job") or ANY
    days = [
        *_day(Trends.FIRST, "First day", query.get("from", "")),
        html.Span("to", className="quiet"),
        *_day(Trends.LAST, "Last day", query.get("to", "")),
    ]
    return html.Div(
        [
            segments(
                Trends.RANGE,
                "Time range",
                ranges,
                query.get("range") if query.get("range") in ranges else RANGE,
            ),
            html.Div(days, id=Trends.DAYS, className="trend-days", hidden=True),
            *choice(
                Trends.JOB,
                "Job",
                {job: shorten_name(job, _LONGEST_LABEL), ANY: ALL_JOBS},
                job,
            ),
            html.Span(
                ["Days are UTC", html.Span(id=Trends.UPDATED)], className="quiet"
            ),
        ],
        className="errors-filters filters",
    )


def _day(id_: str, words: str, value: str) -> list[Component]:
    native: Any = "date"  # the component knows it, its types do not
    return [
        html.Label(words, htmlFor=id_, className="visually-hidden"),
        dbc.Input(
            id=id_,
            type=native,
            value=value[:_LONGEST_DAY],
            debounce=400,
            className="pill-input",
        ),
    ]


def _reports() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("“Not updating” reports"),
                    html.Span(id=Trends.REPORTS_COUNT, className="quiet"),
                ],
                className="panel-head",
            ),
            html.Ul(id=Trends.REPORTS, className="trend-reports"),
        ],
        className="panel",
    )
