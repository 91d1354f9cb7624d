"""Components as plain HTML: what can be read before any script has run."""

from collections.abc import Iterable
from html import escape
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

_VOID: Final = frozenset({"br", "hr", "img", "input"})
#: Dash's spelling of an attribute, and HTML's.
_NAMES: Final = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex"}
#: What is no attribute of an element.
_OTHERS: Final = frozenset({"children", "style", "n_clicks", "options", "value"})
#: Components that are an element with a class of Bootstrap's.
_BOOTSTRAP: Final = {
    dbc.Button: ("button", "btn btn-primary"),
    dbc.Input: ("input", "form-control"),
}


class Markup(str):
    """A text that is HTML already, made of nothing that a job wrote."""

    __slots__ = ()


def to_html(part: Any) -> str:
    """The part as HTML, every text escaped; what only scripts can show is left out."""
    if part is None or isinstance(part, bool):
        return ""
    if isinstance(part, Markup):
        return part
    if isinstance(part, Component):
        return _component(part)
    if isinstance(part, Iterable) and not isinstance(part, str):
        return "".join(map(to_html, part))
    return escape(str(part))


def _component(part: Component) -> str:
    if isinstance(part, dbc.Select):
        return _select(part)
    for kind, (name, style) in _BOOTSTRAP.items():
        if isinstance(part, kind):
            return _element(part, name, style)
    if isinstance(part, dcc.Link):
        return _element(part, "a", "")
    is_html = type(part).__module__.startswith(html.__name__)
    return _element(part, type(part).__name__.lower(), "") if is_html else ""


def _element(part: Component, name: str, style: str) -> str:
    values = {
        key: value
        for key, value in part.to_plotly_json()["props"].items()
        if key not in _OTHERS and value not in (None, False)
    }
    classes = f"{style} {values.pop('className', '')}".strip()
    if classes:
        values["className"] = classes
    written = "".join(_attribute(key, value) for key, value in values.items())
    if name in _VOID:
        return f"<{name}{written}>"
    return f"<{name}{written}>{to_html(getattr(part, 'children', None))}</{name}>"


def _attribute(key: str, value: object) -> str:
    name = _NAMES.get(key, key.lower())
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _select(part: Component) -> str:
    chosen = getattr(part, "value", None)
    options = "".join(
        f'<option value="{escape(option["value"])}"'
        f"{' selected' if option['value'] == chosen else ''}>"
        f"{escape(option['label'])}</option>"
        for option in getattr(part, "options", None) or []
    )
    style = escape(f"form-select {getattr(part, 'className', '')}")
    return f'<select id="{escape(str(getattr(part, "id", "")))}" class="{style}">{options}</select>'
