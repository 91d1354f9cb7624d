"""Failed runs of an error, run again: what will happen first, the truth after.

Those of the range, the source and the job that the page shows: no others.
"""

import logging
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.auth import require
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Errors, Shell
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.views.bulk import RETRY, plan_view, retried_view
from dashboard.views.error_retry import TYPED_ABOVE, is_typed, retry_words
from dashboard.views.errors import filter_of, range_of
from data.all_sources import ALL, by_source, joined
from data.clock import now_ms
from data.exceptions import DataError
from data.model import OPEN, Job
from data.store.error_records import ErrorFilter, Group, StruckRun

log = logging.getLogger(__name__)

#: Runs of one click; an action takes no more.
MOST: Final = 10_000


def layout() -> html.Div:
    """The dialog, closed."""
    return html.Div([_dialog(), dcc.Store(id=Errors.RETRY_PLAN)], className="contents")


def register(app: Dash, deps: Deps) -> None:
    """Attach the dialog's callbacks."""
    app.clientside_callback(
        ClientsideFunction("history", "close"),
        Output(Errors.RETRY_MODAL, "is_open"),
        Input(Errors.RETRY_CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("errors", "typed"),
        Output(Errors.RETRY_CONFIRM, "disabled"),
        Input(Errors.RETRY_TYPED, "value"),
        Input(Errors.RETRY_PLAN, "data"),
    )
    shown = [
        State(Errors.SHOWN, "data"),
        State(Errors.RANGE, "value"),
        State(Shell.SOURCE, "value"),
        State(Errors.JOB, "value"),
    ]
    _on_click(app, Errors.RETRY, shown, _review, deps)
    plan = [State(Errors.RETRY_PLAN, "data"), State(Errors.RETRY_TYPED, "value")]
    _on_click(app, Errors.RETRY_CONFIRM, plan, _act, deps)


#: What a step sets; keys that it leaves out stay as they are.
_OUTPUTS: Final = {
    "open": (Errors.RETRY_MODAL, "is_open"),
    "body": (Errors.RETRY_BODY, "children"),
    "plan": (Errors.RETRY_PLAN, "data"),
    "confirm_hidden": (Errors.RETRY_CONFIRM, "hidden"),
    "close": (Errors.RETRY_CLOSE, "children"),
    "changed": (Errors.CHANGED, "data"),
    "type_hidden": (Errors.RETRY_TYPE, "hidden"),
    "type_words": (Errors.RETRY_TYPE_WORDS, "children"),
    "typed": (Errors.RETRY_TYPED, "value"),
}


def _on_click(
    app: Dash, button: str, states: list[State], step: Any, deps: Deps
) -> None:
    @app.callback(
        {
            key: Output(*target, allow_duplicate=True)
            for key, target in _OUTPUTS.items()
        },
        Input(button, "n_clicks"),
        State(Shell.SOURCE, "value"),
        *states,
        running=[(Output(Errors.RETRY_PROGRESS, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    @offload
    def _clicked(clicks: int | None, source: Any, *values: Any) -> dict[str, Any]:
        del source  # whose threads it takes
        done = step(deps, *values) if clicks and values[0] else {}
        return {**dict.fromkeys(_OUTPUTS, no_update), **done}


def _review(
    deps: Deps, shown: dict[str, Any], word: Any, source: Any, job: Any
) -> dict[str, Any]:
    """What will happen to which run, as it stands now; runs of a source that is gone wait."""
    closed = {"open": True, "confirm_hidden": True, "close": "Close"}
    closed |= {"type_hidden": True, "typed": ""}
    asked = {"range": word if isinstance(word, str) else None, "job": job}
    filter_ = filter_of(asked, now_ms(deps.clock))
    try:
        group = deps.store.errors.group(str(shown["group"]))
        found = _struck(deps, group, filter_._replace(source=deps.narrowed(source)))
        waiting = [one for one in found if one.retried_at is None]
        ids = [joined(x.source, x.run_id) for x in waiting if x.source in deps.sources]
        jobs = _jobs(deps, ids)
    except DataError as error:
        return {**closed, "body": problem(str(error))}
    not_copied = deps.everything.engine.capabilities.not_copied
    parts = plan_view(RETRY, jobs, ids, not_copied=not_copied)
    if before := len(found) - len(waiting):
        words = (
            f"{before} {'was' if before == 1 else 'were'} run again from here before"
        )
        parts.append(("quiet", words, []))
    number = sum(one.state not in OPEN for one in jobs)
    least = number if number > TYPED_ABOVE else 0
    said = retry_words(len(waiting), range_of(asked["range"]), is_all=len(found) < MOST)
    return {
        "open": True,
        "body": [html.P(said), outcome(parts, of_all=True)],
        "plan": {"ids": ids, "once": new_number(), "type": least},
        "confirm_hidden": not number,
        "close": "Back",
        "type_hidden": not least,
        "type_words": f"Type {least} to retry so many runs",
        "typed": "",
    }


def _struck(deps: Deps, group: Group, filter_: ErrorFilter) -> list[StruckRun]:
    """The runs that the page is about, newest first."""
    return deps.store.errors.runs(
        [group.fingerprint, *group.merged],
        limit=MOST,
        since=filter_.since,
        source=filter_.source,
        job_name=filter_.job_name,
    )


def _jobs(deps: Deps, ids: list[str]) -> list[Job]:
    """The runs as they stand, under the ids that name their sources."""
    found: list[Job] = []
    for name, own in by_source(ids, deps.sources).items():
        jobs = deps.sources[name].engine.runs(own)
        found += [job._replace(run_id=joined(name, job.run_id)) for job in jobs]
    return found


def _act(deps: Deps, plan: dict[str, Any], typed: Any) -> dict[str, Any]:
    """Do what was reviewed; the same plan a second time does nothing twice."""
    if plan["type"] and not is_typed(typed, plan["type"]):
        return {"type_words": f"Nothing was done. Type {plan['type']} to go on"}
    done = {"confirm_hidden": True, "close": "Close", "changed": new_number()}
    done |= {"type_hidden": True, "typed": ""}
    try:
        actor = require(deps.viewer(), Action.RETRY)
        result = deps.actions.retry(ALL, plan["ids"], actor=actor, once=plan["once"])
    except DataError as error:
        return {**done, "body": problem(str(error))}
    _note(deps, [*result.started])
    return {**done, "body": outcome(retried_view(result), of_all=True)}


def _note(deps: Deps, started: list[str]) -> None:
    """Have it known which runs were run again: so they are, when the store fails."""
    try:
        for source, own in by_source(started, deps.sources).items():
            deps.store.errors.note_retried(source, own, now_ms(deps.clock))
    except DataError as error:
        log.warning("runs that were run again could not be noted: %s", error)


def _type() -> html.Div:
    """Where the number is typed that shows that it was read."""
    return html.Div(
        [
            html.Label(id=Errors.RETRY_TYPE_WORDS, htmlFor=Errors.RETRY_TYPED),
            dcc.Input(
                id=Errors.RETRY_TYPED,
                value="",
                className="pill-input form-control",
                autoComplete="off",
                inputMode="numeric",
            ),
        ],
        id=Errors.RETRY_TYPE,
        className="retry-type",
        hidden=True,
    )


def _dialog() -> dbc.Modal:
    progress = [dbc.Spinner(size="sm"), " Working…"]
    return dbc.Modal(
        [
            dbc.ModalHeader(
                dbc.ModalTitle("Retry failed runs", id=Errors.RETRY_HEADING)
            ),
            dbc.ModalBody([html.Div(id=Errors.RETRY_BODY, role="status"), _type()]),
            dbc.ModalFooter(
                [
                    html.Div(
                        progress, id=Errors.RETRY_PROGRESS, hidden=True, role="status"
                    ),
                    dbc.Button("Back", id=Errors.RETRY_CLOSE, className="button-plain"),
                    dbc.Button(
                        "Retry", id=Errors.RETRY_CONFIRM, className="button-warn"
                    ),
                ]
            ),
        ],
        id=Errors.RETRY_MODAL,
        labelledby=Errors.RETRY_HEADING,
        scrollable=True,
        is_open=False,
    )
