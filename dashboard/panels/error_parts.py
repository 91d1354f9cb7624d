"""Groups of errors as a table, and what is known of one of them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes, run_link
from dashboard.format import shorten_name
from dashboard.ids import Errors
from dashboard.views.active import LISTED_NAME, WHOLE_NAME
from dashboard.views.errors import GroupView
from data.all_sources import ALL, joined
from data.store.error_records import StruckRun


def groups_table(
    groups: Sequence[GroupView], span: str, chosen: str, source: str
) -> Component:
    """One line a group; ``span`` says what the sparkline shows.

    ``source`` is the one that is chosen: links keep it.
    """
    head = ("Error", span, "Events", "Users", "Runs", "Last seen", "Status")
    cells = [html.Th(words, scope="col") for words in head]
    rows = [
        _row(group, source, is_chosen=group.fingerprint == chosen) for group in groups
    ]
    return html.Table(
        [html.Thead(html.Tr(cells)), html.Tbody(rows)], className="groups"
    )


def nothing(title: str, words: str) -> Component:
    """There is no group to show."""
    return html.Div([html.Strong(title), html.Span(words)], className="empty")


def _row(group: GroupView, source: str, *, is_chosen: bool) -> Component:
    of = {"source": source} if source else {}
    link = html.A(
        group.title,
        href=f"?{urlencode({'group': group.fingerprint, **of}, safe=':')}",
        className="group-title",
        **attributes(data_group=group.fingerprint),
    )
    seen = [
        age(group.last_seen),
        html.Div(["since ", moment(group.first_seen)], className="quiet"),
    ]
    about = html.Div(group.about, className="quiet", title=group.about_whole)
    return html.Tr(
        [
            html.Td([link, about]),
            html.Td(html.Img(src=group.spark, alt="", className="group-spark")),
            html.Td(group.events, className="number"),
            html.Td(group.users),
            html.Td(group.runs),
            html.Td(seen),
            html.Td(html.Span(group.status, className=f"chip tone-{group.tone}")),
        ],
        className="chosen" if is_chosen else "",
        **attributes(data_group=group.fingerprint),
    )


def age(at_ms: int) -> Component:
    """An instant as an age, which assets/ticker.js keeps moving."""
    return html.Span(**attributes(data_as="ago", data_since=str(at_ms)))


def moment(at_ms: int) -> Component:
    """An instant as a moment in the viewer's time zone."""
    return html.Span(**attributes(data_as="clock", data_since=str(at_ms)))


def runs_table(runs: Sequence[StruckRun], source: str, more: str) -> Component:
    """Runs that were struck, with links that open them.

    On a page that shows ``source``; the runs of others are opened on a page of theirs.
    """
    rows = [
        html.Tr(
            [
                html.Td(_run(run, source)),
                _job(run.job_name),
                html.Td(age(run.last_at)),
                html.Td("run again" if run.retried_at else ""),
            ]
        )
        for run in runs
    ]
    return html.Div(
        [
            html.Table(html.Tbody(rows), className="struck"),
            html.Div(more, className="quiet"),
        ]
    )


def _job(name: str) -> Component:
    return html.Td(
        shorten_name(name, LISTED_NAME), title=shorten_name(name, WHOLE_NAME)
    )


def _run(run: StruckRun, source: str) -> Component:
    here = {run.source: run.run_id, ALL: joined(run.source, run.run_id)}
    href = f"?{urlencode({'source': run.source, 'run': run.run_id})}"
    link = run_link(here[source]) if source in here else {}
    return html.A(run.run_id, href=href, **link)


def block(title: str, content: Any, *, is_open: bool = True) -> Component:
    """A part of the details that can be folded."""
    return html.Details([html.Summary(title), content], open=is_open)


def code(text: str) -> Component:
    """A text as it is written."""
    return html.Pre(text, tabIndex=0)


def crumbs(found: Sequence[dict[str, Any]]) -> Component:
    """What happened before, oldest first."""
    return html.Ul(
        [
            html.Li(
                [
                    html.Span(f"{_seconds(one)} s", className="quiet"),
                    f" {one.get('c', '')}: {one.get('m', '')}",
                ]
            )
            for one in found
        ],
        className="crumbs",
    )


def merged_list(fingerprints: Sequence[str]) -> Component:
    """What was merged into a group, each with the way out again."""
    return html.Ul(
        [
            html.Li(
                [
                    html.Code(one),
                    " ",
                    html.Button(
                        "Split",
                        id={"type": Errors.SPLIT, "group": one},
                        className="link-button",
                    ),
                ]
            )
            for one in fingerprints
        ]
    )


def merge_form() -> Component:
    """The way to make a group part of another one."""
    return html.Details(
        [
            html.Summary("Merge into another group"),
            html.Label(
                "Other group", htmlFor=Errors.MERGE_INTO, className="visually-hidden"
            ),
            dbc.Select(id=Errors.MERGE_INTO, className="pill-input"),
            html.Button("Merge", id=Errors.MERGE, className="link-button"),
        ],
        id=Errors.MERGING,
    )


def sink_lines(lines: Sequence[tuple[str, str, str]]) -> Component:
    """One line for each place that errors go to: name, what was done, trouble."""
    return html.Ul(
        [
            html.Li(
                [
                    html.Strong(name),
                    f" {words}",
                    html.Span(f" {trouble}", className="tone-warn")
                    if trouble
                    else None,
                ]
            )
            for name, words, trouble in lines
        ],
        className="sinks",
    )


def _seconds(crumb: dict[str, Any]) -> str:
    at = crumb.get("t")
    return f"{at / 1000:+.1f}" if isinstance(at, int) else "0"
