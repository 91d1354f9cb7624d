"""One group of errors: its events one by one, its runs, and what people make of it."""

from functools import partial
from typing import Any, Final

from dash import ALL as EVERY
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

from dashboard.auth import require
from dashboard.components.attributes import attributes
from dashboard.components.outcome import problem
from dashboard.deps import Action, Deps
from dashboard.format import count
from dashboard.ids import Errors, Shell
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.panels.error_parts import (
    block,
    code,
    crumbs,
    merge_form,
    merged_list,
    runs_table,
)
from dashboard.views.errors import (
    body_of,
    context_json,
    support_text,
)
from data.actions.errors import ErrorActions
from data.exceptions import DataError
from data.model import GroupStatus
from data.store.error_records import ErrorFilter, Group, KeptEvent, StruckRun
from data.store.errors import COUNTED_TO

#: Runs that are listed; more are counted.
_RUNS: Final = 8
_OTHERS: Final = 100
_TITLE: Final = 80
#: What a group says that outlived its events.
_FORGOTTEN: Final = (
    "Its events are not kept any more: they are older than JOBS_RETENTION."
)
_NOT_HERE: Final = "No event of the chosen source is kept."


def layout(group: str) -> html.Section:
    """The panel; ``group`` is the one that the URL asks for, "" for none."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2(id=Errors.HEADING),
                    html.Button(
                        "Copy for support",
                        id=Errors.COPY,
                        className="link-button",
                        **attributes(data_copy=Errors.SUPPORT),
                    ),
                ],
                className="panel-head",
            ),
            html.Div(
                [
                    html.Div(_buttons(), className="error-buttons"),
                    html.Div(id=Errors.MESSAGE, role="status"),
                    html.Div(id=Errors.BODY),
                    merge_form(),
                    html.Pre(id=Errors.SUPPORT, className="visually-hidden"),
                ],
                className="error-parts",
            ),
            dcc.Store(id=Errors.ASKED, data={"group": group} if group else None),
            dcc.Store(id=Errors.SHOWN),
        ],
        id=Errors.DETAIL,
        className="panel",
        hidden=True,
        **attributes(aria_label="The chosen error"),
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the panel's callbacks."""

    @app.callback(
        {key: Output(*target) for key, target in _OUTPUTS.items()},
        Input(Errors.ASKED, "data"),
        Input(Errors.CHANGED, "data"),
        State(Errors.SHOWN, "data"),
        State(Shell.SOURCE, "value"),
    )
    @offload
    def _asked(asked: Any, _changed: Any, shown: Any, source: str) -> dict[str, Any]:
        again = ctx.triggered_id == Errors.CHANGED and shown
        done = _detail(deps, shown if again else asked, source)
        return {**dict.fromkeys(_OUTPUTS, no_update), **done}

    app.clientside_callback(
        ClientsideFunction("errors", "shown"), Input(Errors.SHOWN, "data")
    )
    for button, step in (
        (Errors.RESOLVE, partial(_set_status, deps, GroupStatus.RESOLVED)),
        (Errors.IGNORE, partial(_set_status, deps, GroupStatus.IGNORED)),
        (Errors.REOPEN, partial(_set_status, deps, GroupStatus.OPEN)),
        (Errors.MERGE, partial(_merge, deps)),
    ):
        _on_click(app, Input(button, "n_clicks"), step)
    every = {"type": Errors.SPLIT, "group": EVERY}
    _on_click(app, Input(every, "n_clicks"), partial(_split, deps))


#: What a look sets; keys that it leaves out stay as they are.
_OUTPUTS: Final = {
    "hidden": (Errors.DETAIL, "hidden"),
    "heading": (Errors.HEADING, "children"),
    "body": (Errors.BODY, "children"),
    "support": (Errors.SUPPORT, "children"),
    "resolve_hidden": (Errors.RESOLVE, "hidden"),
    "ignore_hidden": (Errors.IGNORE, "hidden"),
    "reopen_hidden": (Errors.REOPEN, "hidden"),
    "retry_hidden": (Errors.RETRY, "hidden"),
    "position": (Errors.POSITION, "children"),
    "newer": (Errors.NEWER, "disabled"),
    "older": (Errors.OLDER, "disabled"),
    "others": (Errors.MERGE_INTO, "options"),
    "merging_hidden": (Errors.MERGING, "hidden"),
    "shown": (Errors.SHOWN, "data"),
    "message": (Errors.MESSAGE, "children"),
}


def _on_click(app: Dash, clicked: Input, step: Any) -> None:
    @app.callback(
        Output(Errors.CHANGED, "data", allow_duplicate=True),
        Output(Errors.MESSAGE, "children", allow_duplicate=True),
        clicked,
        State(Errors.SHOWN, "data"),
        State(Errors.MERGE_INTO, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _clicked(clicks: Any, shown: Any, into: Any) -> Any:
        if not any(clicks if isinstance(clicks, list) else [clicks]) or not shown:
            return no_update, no_update
        return _done(step, shown["group"], into)


def _done(step: Any, group: str, into: Any) -> tuple[Any, Component | None]:
    """Do it; the number makes everything look again."""
    try:
        step(group, into)
    except DataError as error:
        return no_update, problem(str(error))
    return new_number(), None


def _set_status(deps: Deps, status: GroupStatus, group: str, _into: Any) -> None:
    actor = require(deps.viewer(), Action.TRIAGE)
    ErrorActions(deps.store, deps.clock).set_status(group, status, actor=actor)


def _merge(deps: Deps, group: str, into: Any) -> None:
    actor = require(deps.viewer(), Action.TRIAGE)
    if isinstance(into, str) and into:
        ErrorActions(deps.store, deps.clock).merge(into, [group], actor=actor)


def _split(deps: Deps, _group: str, _into: Any) -> None:
    actor = require(deps.viewer(), Action.TRIAGE)
    group = ctx.triggered_id["group"]
    ErrorActions(deps.store, deps.clock).split(group, actor=actor)


def _detail(deps: Deps, asked: Any, source: str) -> dict[str, Any]:
    if not isinstance(asked, dict) or not isinstance(asked.get("group"), str):
        return {"hidden": True, "shown": None}
    try:
        own = deps.narrowed(source)
        group = deps.store.errors.group(asked["group"], source=own)
        event, position = _event(deps, group, asked, own)
        return {"hidden": False, **_shown(deps, group, event, position, source)}
    except DataError as error:
        failed = {"hidden": False, "heading": "Error", "body": None, "shown": None}
        return {**failed, "message": problem(str(error))}


def _event(
    deps: Deps, group: Group, asked: dict[str, Any], own: str
) -> tuple[KeptEvent | None, tuple[int, int]]:
    """The event that is asked for, and which of how many it is; the newest at first.

    ``own`` is the source that the page is about, "" for all of them.
    """
    errors = deps.store.errors
    members = [group.fingerprint, *group.merged]
    found: KeptEvent | None = None
    at, id_ = asked.get("at"), asked.get("id")
    if isinstance(at, int) and isinstance(id_, int):
        step = asked.get("step")
        if step == "newer":
            found = errors.newer_event(members, (at, id_), source=own)
        else:
            before = (at, id_) if step == "older" else (at, id_ + 1)
            found = next(iter(errors.events(members, before=before, source=own)), None)
    if found is None:
        found = next(iter(errors.events(members, source=own)), None)
    return found, errors.position(members, found, source=own) if found else (0, 0)


def _shown(
    deps: Deps,
    group: Group,
    event: KeptEvent | None,
    position: tuple[int, int],
    source: str,
) -> dict[str, Any]:
    errors = deps.store.errors
    members = [group.fingerprint, *group.merged]
    own = deps.narrowed(source)
    runs = errors.runs(members, limit=_RUNS, source=own)
    others = errors.groups(ErrorFilter(), limit=_OTHERS)
    is_open = group.status in (GroupStatus.OPEN, GroupStatus.REGRESSED)
    number, total = position
    of = f"{count(COUNTED_TO)}+" if total > COUNTED_TO else count(total)
    place = {"at": event.at, "id": event.id} if event else {}
    support = support_text(group, event, deps.look.title) if event else group.title
    return {
        "heading": group.title[:_TITLE],
        "body": _body(
            group, event, runs, source, none=_NOT_HERE if own else _FORGOTTEN
        ),
        "support": support,
        "resolve_hidden": not is_open,
        "ignore_hidden": not is_open,
        "reopen_hidden": is_open,
        "retry_hidden": not runs,
        "position": f"event {count(number)} of {of}" if event else "no event is kept",
        "newer": number <= 1,
        "older": number >= total,
        "others": [
            {"value": one.fingerprint, "label": one.title[:_TITLE]}
            for one in others
            if one.fingerprint != group.fingerprint
        ],
        "merging_hidden": len(others) < 2,  # noqa: PLR2004
        "shown": {"group": group.fingerprint, **place},
        "message": None,
    }


def _body(
    group: Group,
    event: KeptEvent | None,
    runs: list[StruckRun],
    source: str,
    *,
    none: str,
) -> list[Component]:
    parts: list[Component] = []
    if event is None and not group.events:
        parts.append(html.P(none, className="quiet"))
    if event is not None:
        told = body_of(event)
        stack = told.get("exception", {}).get("stacktrace", "")
        before = told.get("breadcrumbs", [])
        parts.append(block("Context", code(context_json(told))))
        if stack:
            parts.append(block("Traceback", code(stack)))
        if before:
            parts.append(block("Before that", crumbs(before)))
    if runs:
        more = f"{count(group.runs)} in all" if group.runs > _RUNS else ""
        parts.append(block("Affected runs", runs_table(runs, source, more)))
    if group.merged:
        parts.append(block("Merged into this group", merged_list(group.merged)))
    return parts


def _buttons() -> list[Component]:
    plain = "btn button-plain"
    steps = [
        html.Button(
            sign,
            id=id_,
            className="icon-button",
            **attributes(aria_label=f"{step.capitalize()} event", data_step=step),
        )
        for sign, id_, step in (
            ("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", Errors.NEWER, "newer"),
            ("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", Errors.OLDER, "older"),
        )
    ]
    position = html.Span(id=Errors.POSITION, className="quiet")
    return [
        html.Button("Resolve", id=Errors.RESOLVE, className=plain),
        html.Button("Ignore", id=Errors.IGNORE, className=plain),
        html.Button("Open again", id=Errors.REOPEN, className=plain),
        html.Button("Retry failed runs…", id=Errors.RETRY, className=plain),
        html.Span([position, *steps], className="error-position"),
    ]
