"""What an action did, in words and lists; what went wrong, in a sentence."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.attributes import run_link
from data.all_sources import joined, parted

#: Run ids shown of one list; the rest is counted.
_IDS_SHOWN = 50


def outcome(
    parts: Sequence[tuple[str, str, list[str]]], *, of_all: bool = False
) -> html.Div:
    """One line and one list for each (tone, sentence, run ids); an id opens its run.

    ``of_all``: ids name their sources, whatever source the page shows.
    """
    link = _link_of_all if of_all else _link
    return html.Div([_part(*part, link) for part in parts], className="outcome")


def started(run_id: str, *, source: str = "") -> html.Div:
    """A run was started; its link opens it, in ``source`` where the page shows another."""
    link = _link_of_all(joined(source, run_id)) if source else _link(run_id)
    line = html.Div(["Run ", link, " was started."], className="outcome-line tone-good")
    return html.Div(line, className="outcome")


def problem(message: str) -> html.Div:
    """Why nothing, or not everything, was done."""
    return html.Div(message, className="outcome-problem", role="alert")


def toast(header: str, message: str) -> dbc.Toast:
    """A note in the corner that stays until it is closed."""
    return dbc.Toast(message, header=header, dismissable=True, className="toast-note")


def _part(
    tone: str, sentence: str, run_ids: list[str], link: Callable[[str], html.A]
) -> html.Div:
    links: list[Any] = []
    for run_id in run_ids[:_IDS_SHOWN]:
        links += [", ", link(run_id)]
    rest = len(run_ids) - _IDS_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    line = html.Div(sentence, className=f"outcome-line tone-{tone}")
    return html.Div([line, html.Div([*links[1:], more], className="outcome-ids")])


def _link(run_id: str) -> html.A:
    return html.A(run_id, href=f"?{urlencode({'run': run_id})}", **run_link(run_id))


def _link_of_all(run_id: str) -> html.A:
    """On a page of the run's own source."""
    source, own = parted(run_id)
    return html.A(own, href=f"?{urlencode({'source': source, 'run': own})}")
