"""What an action did, in words and lists; what went wrong, in a sentence."""

from collections.abc import Sequence
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.attributes import run_link

#: Run ids shown of one list; the rest is counted.
_IDS_SHOWN = 50


def outcome(parts: Sequence[tuple[str, str, list[str]]]) -> html.Div:
    """One line and one list for each (tone, sentence, run ids)."""
    return html.Div([_part(*part) for part in parts], className="outcome")


def started(run_id: str) -> html.Div:
    """A run was started; its link opens it."""
    link = html.A(
        f"Run {run_id}", href=f"?{urlencode({'run': run_id})}", **run_link(run_id)
    )
    line = html.Div([link, " was started."], className="outcome-line tone-good")
    return html.Div(line, className="outcome")


def problem(message: str) -> html.Div:
    """Why nothing, or not everything, was done."""
    return html.Div(message, className="outcome-problem", role="alert")


def toast(header: str, message: str) -> dbc.Toast:
    """A note in the corner that stays until it is closed."""
    return dbc.Toast(message, header=header, dismissable=True, className="toast-note")


def _part(tone: str, sentence: str, run_ids: list[str]) -> html.Div:
    shown = ", ".join(run_ids[:_IDS_SHOWN])
    rest = len(run_ids) - _IDS_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    line = html.Div(sentence, className=f"outcome-line tone-{tone}")
    return html.Div([line, html.Div(shown + more, className="outcome-ids")])
