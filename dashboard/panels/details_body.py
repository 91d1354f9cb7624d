"""The parts of the dialog with one run; whatever a job wrote is text."""

from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes, run_link
from dashboard.ids import Details
from dashboard.views.details import (
    DetailsView,
    Frame,
    Mark,
    Moment,
    Neighbour,
    StepView,
    Stretch,
)


def details(view: DetailsView) -> html.Div:
    """Everything that is known of one run."""
    parts: list[Component | None] = [
        html.Div(
            [
                html.Span(view["status"], className=f"chip tone-{view['tone']}"),
                _asked(view["asked_at"]),
                _logs(view["logs"]),
            ],
            className="details-head",
        ),
        html.Div(view["verdict"], className="tone-warn") if view["verdict"] else None,
        _timeline(view["timeline"], view["marks"]),
        html.Dl([_moment(moment) for moment in view["moments"]], className="facts"),
        html.Dl([_fact(*fact) for fact in view["facts"]], className="facts"),
        _steps(view["steps"]),
        _strip(view["neighbours"]),
        _error(view["error"]),
        _text("Params", view["params"], Details.PARAMS, opened=True),
        _text("Result", view["result"], Details.RESULT, opened=False),
        html.P(view["binary"], className="quiet") if view["binary"] else None,
        html.P(view["cut"], className="quiet") if view["cut"] else None,
    ]
    return html.Div([part for part in parts if part is not None], className="details")


def _moment(moment: Moment) -> html.Div:
    told: str | html.Span = moment["odd"]
    if moment["at"] is not None:
        told = html.Span(**attributes(data_since=str(moment["at"]), data_as="clock"))
    return html.Div([html.Dt(moment["words"]), html.Dd(told)])


def _fact(name: str, value: str) -> html.Div:
    # an id may be as long as a sentence
    wide = "wide" if name == "Run" else ""
    return html.Div([html.Dt(name), html.Dd(value)], className=wide)


def _asked(at: int | None) -> Component | None:
    if at is None:
        return None
    age = html.Span(**attributes(data_since=str(at), data_as="ago"))
    return html.Span(["asked to stop ", age], className="tone-warn")


def _logs(href: str) -> Component | None:
    if not href:
        return None
    return html.A("Logs", href=href, target="_blank", rel="noopener noreferrer")


def _timeline(stretches: list[Stretch], marks: list[Mark]) -> html.Div:
    words = ", ".join(stretch["words"] for stretch in stretches)
    if marks:
        words += f"; marked: {', '.join(mark['words'] for mark in marks)}"
    bars = [
        html.Span(
            className=f"stretch tone-{stretch['tone']}",
            style={"width": f"{stretch['percent']:.1f}%"},
        )
        for stretch in stretches
    ]
    lines = [
        html.Span(
            className="mark",
            title=mark["words"],
            style={"left": f"{mark['percent']:.1f}%"},
        )
        for mark in marks
    ]
    bar = html.Div(
        [*bars, *lines], className="timeline", **attributes(aria_hidden="true")
    )
    return html.Div([bar, html.Span(words, className="quiet")], id=Details.TIMELINE)


def _steps(steps: list[StepView]) -> Component | None:
    """The engine's own record of the run, a line a step."""
    if not steps:
        return None
    return html.Details(
        [html.Summary(f"Steps ({len(steps)})"), html.Ol([_step(one) for one in steps])],
        id=Details.STEPS,
        className="steps",
        open=True,
    )


def _step(step: StepView) -> html.Li:
    tone = "bad" if step["failed"] else "good"
    bar = html.Span(
        className=f"stretch tone-{tone}",
        style={"left": f"{step['left']:.1f}%", "width": f"{step['width']:.1f}%"},
    )
    took = f"failed after {step['took']}" if step["failed"] else step["took"]
    return html.Li(
        [
            html.Span(step["name"], className="step-name"),
            html.Span(bar, className="step-bar", **attributes(aria_hidden="true")),
            html.Span(took, className="quiet"),
        ]
    )


def _strip(neighbours: list[Neighbour]) -> Component | None:
    if not neighbours:
        return None
    links = [
        html.A(
            html.Span(one["words"], className="visually-hidden"),
            href=f"?{urlencode({'run': one['id']})}",
            title=one["words"],
            className=f"neighbour tone-{one['tone']}",
            **run_link(one["id"]),
        )
        for one in neighbours
    ]
    head = html.Span("This job's last runs, oldest first", className="quiet")
    return html.Div([head, html.Div(links, className="neighbours")])


def _error(frames: list[Frame]) -> Component | None:
    """Its frames can be folded; their texts in a row are what is copied."""
    if not frames:
        return None
    copy = html.Button(
        "Copy",
        className="link-button",
        **attributes(data_copy=Details.TRACE, aria_label="Copy the error"),
    )
    trace = html.Div(
        [_frame(frame) for frame in frames],
        id=Details.TRACE,
        className="trace",
        tabIndex="0",
        role="region",
        **attributes(aria_label="Error"),
    )
    body = [html.Summary("Error"), copy, trace]
    return html.Details(body, id=Details.ERROR, open=True)


def _frame(frame: Frame) -> Component:
    if not frame["head"]:
        return html.Span(frame["text"])
    head = html.Summary(frame["head"])
    return html.Details([head, frame["text"]], open=not frame["folded"])


def _text(title: str, text: str, id_: str, *, opened: bool) -> Component | None:
    if not text:
        return None
    shown = html.Pre(text, tabIndex="0")
    return html.Details([html.Summary(title), shown], id=id_, open=opened)
