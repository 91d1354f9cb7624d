"""See to an alert, and silence some: what will happen first, the truth after."""

from functools import partial
from typing import Any, Final

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard.auth import require
from dashboard.components.dialog import dialog
from dashboard.components.outcome import problem
from dashboard.components.search import segments
from dashboard.deps import Action, Deps
from dashboard.format import shorten
from dashboard.ids import Alerts
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.panels import asking
from dashboard.panels.error_parts import age, moment
from dashboard.views.alerts import NAME, TEXT
from data.actions.alerts import AlertActions
from data.clock import DAY_MS, HOUR_MS, now_ms
from data.exceptions import DataError, InvalidRequestError
from data.monitor.alerting import about_of
from data.rules.alarms import rule_of
from data.rules.alerts import AlertEpisode
from data.store.alerts import NOTE_LENGTH

#: How long a silence may be by one click.
SPANS: Final[dict[str, tuple[str, int]]] = {
    "1h": ("1 h", HOUR_MS),
    "8h": ("8 h", 8 * HOUR_MS),
    "1d": ("1 d", DAY_MS),
    "7d": ("7 d", 7 * DAY_MS),
}
UNTIL: Final = "until"


def layout() -> html.Div:
    """Both dialogs, closed."""
    return html.Div(
        [
            dialog(
                Alerts.ACKNOWLEDGE, "Acknowledge the alert", "Acknowledge", _note_form()
            ),
            dialog(Alerts.SILENCE, "Silence alerts", "Silence", _silence_form()),
            dcc.Store(id=Alerts.ENDING),
            dcc.Store(id=Alerts.UNTIL_AT),
        ],
        className="contents",
    )


def register(app: Dash, deps: Deps, desk: AlertActions) -> None:
    """Attach both dialogs, and the end of a silence."""
    asking.register(
        app,
        Alerts.ACKNOWLEDGE,
        Alerts.CHANGED,
        partial(_review_alert, desk),
        partial(_acknowledge, deps, desk),
        State(Alerts.NOTE, "value"),
        typed=Alerts.NOTE,
    )
    asking.register(
        app,
        Alerts.SILENCE,
        Alerts.CHANGED,
        partial(_review_silence, deps),
        partial(_silence, deps, desk),
        State(Alerts.SPAN, "value"),
        State(Alerts.UNTIL_AT, "data"),
        State(Alerts.REASON, "value"),
        typed=Alerts.REASON,
    )
    app.clientside_callback(
        ClientsideFunction("start", "toInstant"),
        Output(Alerts.UNTIL_AT, "data"),
        Input(Alerts.UNTIL, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("alerts", "span"),
        Output(Alerts.UNTIL_FIELD, "hidden"),
        Input(Alerts.SPAN, "value"),
    )

    @app.callback(
        Output(Alerts.CHANGED, "data", allow_duplicate=True),
        Output(Alerts.MESSAGE, "children", allow_duplicate=True),
        Input(Alerts.ENDING, "data"),
        prevent_initial_call=True,
    )
    @offload
    def _ended(asked: Any) -> Any:
        return _end(deps, desk, asked)


def _review_alert(desk: AlertActions, asked: Any) -> dict[str, Any]:
    episode = desk.episode(_number(asked.get("episode")))
    title, sentence = (shorten(x, TEXT) for x in (episode.title, episode.sentence))
    about = html.Div([html.Strong(title), html.Div(sentence)])
    if episode.resolved_at is not None or episode.acked_at is not None:
        said = _not_needed(episode)
        return {"body": [about, said], "form_hidden": True, "confirm_hidden": True}
    words = "Nobody else is told of it until it is over."
    return {"body": [about, html.P(words, className="quiet")], "plan": episode.id}


def _not_needed(episode: AlertEpisode) -> Component:
    if episode.resolved_at is not None:
        return html.P(["It is over since ", moment(episode.resolved_at), "."])
    note = f": {shorten(episode.ack_note, TEXT)}" if episode.ack_note else ""
    who = shorten(episode.acked_by, NAME)
    words = f"{who} acknowledged it already{note} ("
    return html.P([words, age(episode.acked_at or 0), ")."])


def _acknowledge(
    deps: Deps, desk: AlertActions, plan: Any, note: Any
) -> dict[str, Any]:
    actor = require(deps.viewer(), Action.ALERT)
    try:
        episode = desk.acknowledge(_number(plan), note=_text(note), actor=actor)
    except InvalidRequestError:
        return {"message": _not_needed(desk.episode(_number(plan)))}
    return {"message": html.P(f"Acknowledged by {episode.acked_by}.")}


def _review_silence(deps: Deps, asked: Any) -> dict[str, Any]:
    rule, label = str(asked.get("rule", "")), str(asked.get("label", ""))
    title = about_of(deps.sources, rule_of(rule), label).title if label else ""
    words = "It is still judged and shown here; nobody is told."
    body = [
        html.Strong(shorten(title, TEXT) or rule_of(rule).title),
        html.P(words, className="quiet"),
    ]
    return {"body": body, "plan": {"rule": rule, "label": label}}


def _silence(  # noqa: PLR0917  # one for each field
    deps: Deps, desk: AlertActions, plan: Any, span: Any, until: Any, reason: Any
) -> dict[str, Any]:
    actor = require(deps.viewer(), Action.ALERT)
    now = now_ms(deps.clock)
    end = _end_of(span, until, now)
    desk.silence(
        plan["rule"],
        plan["label"],
        from_ms=now,
        until_ms=end,
        reason=_text(reason),
        actor=actor,
    )
    return {"message": html.P(["Silenced until ", moment(end), "."])}


def _end_of(span: Any, until: Any, now: int) -> int:
    if span in SPANS:
        return now + SPANS[span][1]
    if isinstance(until, int):
        return until
    message = "Say until when: day and time."
    raise InvalidRequestError(message)


def _end(deps: Deps, desk: AlertActions, asked: Any) -> tuple[Any, Any]:
    if not asked:
        return no_update, no_update
    try:
        actor = require(deps.viewer(), Action.ALERT)
        desk.end_silence(_number(asked.get("silence")), actor=actor)
    except DataError as error:
        return new_number(), problem(str(error))
    return new_number(), "The silence has ended: people are told again."


def _note_form() -> list[Component]:
    return [
        html.Label("Note, for those who look later", htmlFor=Alerts.NOTE),
        dcc.Textarea(
            id=Alerts.NOTE, rows=2, maxLength=NOTE_LENGTH, className="form-control"
        ),
    ]


def _silence_form() -> list[Component]:
    offered = {key: words for key, (words, _) in SPANS.items()} | {UNTIL: "Until…"}
    until = html.Div(
        [
            html.Label("Until", htmlFor=Alerts.UNTIL),
            dcc.Input(id=Alerts.UNTIL, className="form-control"),
        ],
        id=Alerts.UNTIL_FIELD,
        hidden=True,
    )
    return [
        segments(Alerts.SPAN, "For how long", offered, "1h"),
        until,
        html.Label("Reason", htmlFor=Alerts.REASON),
        dcc.Input(
            id=Alerts.REASON,
            maxLength=NOTE_LENGTH,
            autoComplete="off",
            className="form-control",
        ),
    ]


def _number(value: object) -> int:
    text = str(value)
    if not text.isdecimal() or len(text) > 15:  # noqa: PLR2004  # of JSON's numbers
        message = f"{text[:40]!r} is no number of an alert."
        raise InvalidRequestError(message)
    return int(text)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
