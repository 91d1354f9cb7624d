"""A stalled run of the clean-up dialog, with its evidence."""

from typing import Any

from dash import html

from dashboard.components.attributes import attributes


def candidate_option(
    *,
    run_id: str,
    job: str,
    name: str,
    run: str,
    elapsed: str,
    heartbeat: str,
    heartbeat_at: int | None,
    heartbeat_as: str,
    alive: bool,
    worker: str,
    logs: str,
) -> dict[str, Any]:
    """An option for a ``dbc.Checklist``: its value is the run id."""
    head = [
        html.Span(job, className="candidate-job", title=name),
        html.Code(run, className="candidate-run"),
    ]
    if logs:
        head.append(_link("Logs", logs))
    beat = _heartbeat(heartbeat, heartbeat_at, heartbeat_as, alive=alive)
    evidence = html.Ul([html.Li(elapsed), html.Li(beat), html.Li(worker)])
    label = html.Div(
        [html.Div(head, className="candidate-head"), evidence], className="candidate"
    )
    return {"label": label, "value": run_id}


def _link(words: str, href: str) -> html.A:
    return html.A(words, href=href, target="_blank", rel="noopener noreferrer")


def _heartbeat(words: str, since: int | None, as_: str, *, alive: bool) -> list[Any]:
    said = html.Span(words, className="tone-busy" if alive else "tone-warn")
    if since is None:
        return [said]
    return [said, " ", html.Span(**attributes(data_since=str(since), data_as=as_))]
