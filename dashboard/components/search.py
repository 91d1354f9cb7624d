"""The parts of a page that searches: fields, what comes after the last row.

A page called "x" has the ids "x-grid", "x-count", "x-problem", "x-empty", "x-older":
assets/search.js shows there what a search found.
"""

from collections.abc import Mapping
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes

#: What the parts beside a link to a CSV are called after its own id.
STATE: Final = "-state"
STOP: Final = "-stop"


def choice(
    id_: str, words: str, options: Mapping[str, str], value: str | None
) -> list[Component]:
    """A select with its label; a value that is not offered means the first option."""
    return [
        html.Label(words, htmlFor=id_, className="visually-hidden"),
        dbc.Select(
            id=id_,
            options=[{"value": key, "label": text} for key, text in options.items()],
            value=value if value in options else next(iter(options)),
            className="pill-input",
        ),
    ]


def segments(
    id_: str, words: str, options: Mapping[str, str], value: str | None
) -> Component:
    """A few options side by side, one of them chosen; as ``choice`` otherwise."""
    return html.Fieldset(
        [
            html.Legend(words, className="visually-hidden"),
            dbc.RadioItems(
                id=id_,
                options=[
                    {"value": key, "label": text} for key, text in options.items()
                ],
                value=value if value in options else next(iter(options)),
                className="segments",
                inputClassName="btn-check",
                labelClassName="segment",
                labelCheckedClassName="segment-chosen",
            ),
        ]
    )


def text_field(
    id_: str, words: str, hint: str, value: str, **more: Any
) -> list[Component]:
    """A field that searches while it is typed in, with its label."""
    return [
        html.Label(words, htmlFor=id_, className="visually-hidden"),
        dcc.Input(
            id=id_,
            type="search",
            placeholder=hint,
            value=value,
            debounce=0.3,
            maxLength=500,
            className="pill-input form-control",
            **more,
        ),
    ]


def export(id_: str, file: str, words: str = "CSV") -> list[Component]:
    """A link to everything that was found; assets/export.js shows how far it is."""
    return [
        html.A(
            words,
            id=id_,
            className="link-button",
            download=file,
            **attributes(data_export=file),
        ),
        html.Span(id=id_ + STATE, className="quiet", role="status"),
        html.Button("Stop", id=id_ + STOP, className="link-button", hidden=True),
    ]


def foot(empty: str, problem: str, older: str) -> html.Div:
    """Nothing found, what went wrong, and the way to older rows."""
    return html.Div(
        [
            html.Div(
                [html.Strong(), html.Span()],
                id=empty,
                className="empty",
                hidden=True,
            ),
            html.Div(
                id=problem, className="outcome-problem", role="alert", hidden=True
            ),
            html.Button("Older", id=older, className="link-button", hidden=True),
        ],
        className="panel-foot",
    )
