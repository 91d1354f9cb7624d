"""A rule: what people may change about it, and what that would have done."""

from typing import Any, Final

import dash_bootstrap_components as dbc
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
from dashboard.figures.alerts import preview_figure
from dashboard.ids import Alerts, RuleEditor
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.views.alert_rule import (
    ENABLED,
    FieldView,
    faults_of,
    field_views,
    preview_words,
    settings_of,
)
from dashboard.views.alerts import values_of
from data.actions.alerts import AlertActions
from data.clock import now_ms
from data.exceptions import ChangedMeanwhileError, DataError
from data.monitor.alerting import preview
from data.monitor.previews import PREVIEW_MS
from data.rules.alarms import meaning_of, rule_of

_FIELDS: Final = {"type": RuleEditor.THRESHOLD, "name": EVERY}
_FAULTS: Final = {"type": RuleEditor.FAULT, "name": EVERY}


def layout(rule: str) -> html.Section:
    """The panel; ``rule`` is the one that the URL asks for, "" for none."""
    plain = "btn button-plain"
    buttons = [
        html.Button("Save", id=RuleEditor.SAVE, className="btn button-main"),
        html.Button("Back to default", id=RuleEditor.DEFAULT, className=plain),
        html.Button("Undo", id=RuleEditor.UNDO, className=plain, hidden=True),
    ]
    close = attributes(data_do="rule", data_rule="")
    return html.Section(
        [
            html.Div(
                [
                    html.H2(id=RuleEditor.HEADING, tabIndex=-1),
                    html.Button("Close", className="link-button", **close),
                ],
                className="panel-head",
            ),
            html.Div(
                [
                    html.P(id=RuleEditor.ABOUT),
                    dbc.Switch(id=RuleEditor.ENABLED, label="Is judged", value=True),
                    html.Div(id=RuleEditor.FIELDS, className="rule-fields"),
                    _preview(),
                    html.Div(buttons, className="error-buttons"),
                    html.Div(id=RuleEditor.MESSAGE, role="status"),
                ],
                className="error-parts",
            ),
            dcc.Store(id=RuleEditor.ASKED, data={"rule": rule} if rule else None),
            dcc.Store(id=RuleEditor.SHOWN),
            dcc.Store(id=RuleEditor.PREVIEW),
            dcc.Store(id=RuleEditor.ANSWERED),
        ],
        id=RuleEditor.PANEL,
        className="panel",
        hidden=True,
        **attributes(aria_label="The chosen rule"),
    )


def register(app: Dash, deps: Deps, desk: AlertActions) -> None:
    """Attach the panel's callbacks."""
    _register_opening(app, deps)
    _register_preview(app, deps)

    @app.callback(
        {
            key: Output(*target, allow_duplicate=True)
            for key, target in _OUTPUTS.items()
        },
        Input(RuleEditor.SAVE, "n_clicks"),
        Input(RuleEditor.DEFAULT, "n_clicks"),
        Input(RuleEditor.UNDO, "n_clicks"),
        State(RuleEditor.SHOWN, "data"),
        State(_FIELDS, "value"),
        State(_FIELDS, "id"),
        State(RuleEditor.ENABLED, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _changed(*values: Any) -> dict[str, Any]:
        *_clicks, shown, typed, ids, is_on = values
        wanted = _wanted(ctx.triggered_id, shown, typed, ids, is_on)
        done = {} if wanted is None else _change(deps, desk, shown, wanted)
        return {**dict.fromkeys(_OUTPUTS, no_update), **done}


#: What opening a rule, or changing it, sets; keys that it leaves out stay as they are.
_OUTPUTS: Final = {
    "hidden": (RuleEditor.PANEL, "hidden"),
    "heading": (RuleEditor.HEADING, "children"),
    "about": (RuleEditor.ABOUT, "children"),
    "fields": (RuleEditor.FIELDS, "children"),
    "enabled": (RuleEditor.ENABLED, "value"),
    "message": (RuleEditor.MESSAGE, "children"),
    "undo_hidden": (RuleEditor.UNDO, "hidden"),
    "shown": (RuleEditor.SHOWN, "data"),
    "changed": (Alerts.CHANGED, "data"),
}


def _register_opening(app: Dash, deps: Deps) -> None:
    opened = {key: target for key, target in _OUTPUTS.items() if key != "changed"}

    @app.callback(
        {key: Output(*target) for key, target in opened.items()},
        Input(RuleEditor.ASKED, "data"),
    )
    @offload
    def _asked(asked: Any) -> dict[str, Any]:
        return {**dict.fromkeys(opened, no_update), **_opened(deps, asked)}

    app.clientside_callback(
        ClientsideFunction("alerts", "ruleShown"), Input(RuleEditor.SHOWN, "data")
    )


def _register_preview(app: Dash, deps: Deps) -> None:
    app.clientside_callback(
        ClientsideFunction("alerts", "preview"),
        Input(_FIELDS, "value"),
        Input(RuleEditor.SHOWN, "data"),
        Input(RuleEditor.ANSWERED, "data"),
    )

    @app.callback(
        Output(RuleEditor.CHART, "figure"),
        Output(RuleEditor.FRAME, "hidden"),
        Output(RuleEditor.WORDS, "children"),
        Output(_FAULTS, "children"),
        Output(_FIELDS, "className"),
        Output(RuleEditor.ANSWERED, "data"),
        Input(RuleEditor.PREVIEW, "data"),
        State(_FIELDS, "id"),
        running=[(Output(RuleEditor.WAITING, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    @offload
    def _previewed(asked: Any, ids: Any) -> Any:
        names = [one["name"] for one in ids]
        return *_previewed_now(deps, asked, names), asked["number"]


def _opened(deps: Deps, asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or not asked.get("rule"):
        return {"hidden": True, "shown": None}
    try:
        return _filled(deps, str(asked["rule"]), before=None)
    except DataError as error:
        empty = {"heading": "Rule", "about": "", "fields": [], "undo_hidden": True}
        failed = {"hidden": False, "shown": None, "message": problem(str(error))}
        return {**empty, **failed}


def _filled(deps: Deps, name: str, *, before: Any) -> dict[str, Any]:
    """The rule as it is set; ``before`` is what an undo would set."""
    rule = rule_of(name)
    settings = deps.store.alerts.settings()
    values = values_of(rule, settings)
    return {
        "hidden": False,
        "heading": rule.title,
        "about": meaning_of(rule, values),
        "fields": [_field(view) for view in field_views(rule, values)],
        "enabled": bool(values[ENABLED]),
        "message": None,
        "undo_hidden": before is None,
        "shown": {"rule": name, "seen": settings.get(name, {}), "before": before},
    }


def _wanted(
    button: Any, shown: Any, typed: list[Any], ids: list[Any], is_on: Any
) -> dict[str, object] | None:
    """What the button asks to be set; None when there is nothing to do."""
    if not isinstance(shown, dict) or not any(one["value"] for one in ctx.triggered):
        return None
    if button == RuleEditor.DEFAULT:
        return {}
    if button == RuleEditor.UNDO:
        before = shown.get("before")
        return dict(before) if isinstance(before, dict) else None
    return settings_of([one["name"] for one in ids], typed, is_on=is_on)


def _change(
    deps: Deps, desk: AlertActions, shown: Any, wanted: dict[str, object]
) -> dict[str, Any]:
    """Set it; what is refused, and what is typed, stays in the fields."""
    name = str(shown.get("rule"))
    try:
        actor = require(deps.viewer(), Action.ALERT)
        before = desk.change(name, wanted, actor=actor, seen=shown.get("seen"))
        done = _filled(deps, name, before=before)
    except ChangedMeanwhileError as error:
        seen = {**shown, "seen": error.now}
        return {"message": problem(str(error)), "shown": seen}
    except DataError as error:
        return {"message": problem(str(error))}
    is_undo = ctx.triggered_id == RuleEditor.UNDO
    words = "It is again as it was before." if is_undo else "Saved."
    return {**done, "message": words, "changed": new_number()}


def _previewed_now(deps: Deps, asked: Any, names: list[str]) -> tuple[Any, ...]:
    faults: dict[str, str] = {}
    try:
        rule = rule_of(str(asked["rule"]))
        typed = settings_of(names, asked["values"], is_on=True)
        faults = faults_of(rule, typed)
        now = now_ms(deps.clock)
        found = preview(
            deps.store,
            deps.sources,
            rule.name,
            typed,
            now,
            critical_jobs=deps.critical_jobs,
        )
    except DataError as error:
        said = problem(str(error))
        marks = [faults.get(name, "") for name in names]
        return no_update, no_update, said, marks, [_class_of(one) for one in marks]
    over = (now - PREVIEW_MS, now)
    figure = preview_figure(found.values, found.spans, found.limit, found.unit, over)
    words = preview_words(found, now)
    plain = [_class_of("") for _ in names]
    is_empty = not any(value is not None for _, value in found.values)
    return figure, is_empty, words, ["" for _ in names], plain


def _class_of(fault: str) -> str:
    return "form-control is-invalid" if fault else "form-control"


def _field(view: FieldView) -> Component:
    field = dcc.Input(
        id={"type": RuleEditor.THRESHOLD, "name": view.name},
        value=view.value,
        type="text",
        maxLength=20,
        autoComplete="off",
        className="form-control",
    )
    fault = html.Div(
        id={"type": RuleEditor.FAULT, "name": view.name}, className="field-fault"
    )
    return html.Div(
        [
            html.Label([html.Span(view.words), field]),
            html.Div(view.allowed, className="quiet"),
            fault,
        ]
    )


def _preview() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    html.Span(id=RuleEditor.WORDS, role="status"),
                    html.Span(
                        " Looking…",
                        id=RuleEditor.WAITING,
                        className="quiet",
                        hidden=True,
                    ),
                ],
                className="preview-words",
            ),
            html.Div(
                dcc.Graph(
                    id=RuleEditor.CHART,
                    figure=preview_figure([], [], None, ""),
                    config={"displayModeBar": False, "responsive": True},
                    className="chart",
                ),
                id=RuleEditor.FRAME,
                className="chart-frame",
                hidden=True,
            ),
        ],
        className="preview",
    )
