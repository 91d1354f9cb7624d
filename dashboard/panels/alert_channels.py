"""Who is told: channels, the test of one, and what became of messages."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dashboard.auth import require
from dashboard.components.attributes import attributes
from dashboard.components.dialog import dialog
from dashboard.components.outcome import problem
from dashboard.components.tables import scrolling
from dashboard.deps import Action, Deps
from dashboard.ids import Alerts, Channels
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.panels import asking
from dashboard.panels.channel_parts import (
    channel_form,
    channels_table,
    deliveries_table,
)
from dashboard.views.channels import (
    DELIVERIES,
    SEVERITIES,
    channel_views,
    delivery_views,
    is_under_way,
    missing_words,
)
from data.actions.alerts import AlertActions
from data.clock import now_ms
from data.exceptions import DataError, InvalidRequestError
from data.model import Severity
from data.rules.messages import Channel

ADD: Final = "add channel"
REMOVE: Final = "remove channel"
SWITCH: Final = "switch channel"
TEST: Final = "test channel"
#: How soon it is looked again, ms: while a message is under way, and otherwise.
_SOON_MS: Final = 1_500
_USUALLY_MS: Final = 15_000


def layout() -> html.Div:
    """Both panels, and the dialog that removes a channel."""
    head = html.Div(html.H2("Channels"), className="panel-head")
    log = html.Div(html.H2("Messages"), className="panel-head")
    return html.Div(
        [
            html.Section(
                [
                    head,
                    html.Div(
                        id=Channels.MESSAGE, className="alerts-message", role="status"
                    ),
                    html.Div(id=Channels.LIST),
                    channel_form(),
                ],
                className="panel",
                **attributes(aria_label="Channels"),
            ),
            html.Section(
                [log, scrolling(Channels.DELIVERIES, "Messages that were sent")],
                className="panel",
                **attributes(aria_label="Messages"),
            ),
            dialog(Channels.REMOVE, "Remove the channel", "Remove", [], tone="warn"),
            dcc.Store(id=Channels.TESTING),
            dcc.Store(id=Channels.SWITCHING),
        ],
        className="alerts-pair",
    )


def warning() -> html.Div:
    """On top of the page while nobody would be notified; the look fills it."""
    return html.Div(
        id=Channels.NONE, className="alerts-stale panel", role="status", hidden=True
    )


def register(app: Dash, deps: Deps, desk: AlertActions) -> None:
    """Attach the panel's callbacks."""
    asking.register(
        app,
        Channels.REMOVE,
        Alerts.CHANGED,
        partial(_review, deps),
        partial(_remove, deps, desk),
    )

    @app.callback(
        {key: Output(*target, allow_duplicate=True) for key, target in _ADDING.items()},
        Input(Channels.ADD, "n_clicks"),
        *[State(id_, "value") for id_ in _FIELDS],
        running=[(Output(Channels.ADD, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    @offload
    def _added(clicks: Any, *fields: Any) -> dict[str, Any]:
        done = _add(deps, desk, fields) if clicks else {}
        return {**dict.fromkeys(_ADDING, no_update), **done}

    @app.callback(
        Output(Channels.MESSAGE, "children", allow_duplicate=True),
        Output(Alerts.CHANGED, "data", allow_duplicate=True),
        Input(Channels.TESTING, "data"),
        Input(Channels.SWITCHING, "data"),
        prevent_initial_call=True,
    )
    @offload
    def _asked(testing: Any, switching: Any) -> Any:
        step = _switch if ctx.triggered_id == Channels.SWITCHING else _test
        asked = switching if step is _switch else testing
        return (_told(deps, desk, step, asked), new_number()) if asked else no_update


_FIELDS: Final = (Channels.NAME, Channels.URL, Channels.SEVERITY, Channels.QUIET)
#: What adding a channel sets; keys that it leaves out stay as they are.
_ADDING: Final = {
    "name": (Channels.NAME, "value"),
    "url": (Channels.URL, "value"),
    "quiet": (Channels.QUIET, "value"),
    "fault": (Channels.FAULT, "children"),
    "message": (Channels.MESSAGE, "children"),
    "changed": (Alerts.CHANGED, "data"),
}


def shown(deps: Deps) -> dict[str, Any]:
    """What the panels show, and how soon it is looked again."""
    deliveries = deps.messenger.deliveries(DELIVERIES)
    channels = deps.messenger.channels()
    soon = is_under_way(deliveries, now_ms(deps.clock))
    missing = missing_words(channels)
    link = html.A("Add a channel", href=f"#{Channels.NAME}")
    return {
        "no_channel": [missing, " ", link] if missing else None,
        "no_channel_hidden": not missing,
        "channels": channels_table(channel_views(channels, deliveries)),
        "deliveries": deliveries_table(delivery_views(deliveries, channels)),
        "interval": _SOON_MS if soon else _USUALLY_MS,
    }


def _add(deps: Deps, desk: AlertActions, fields: Sequence[Any]) -> dict[str, Any]:
    """Add it; what is refused is said beside the address, and all stays in the fields."""
    name, url, severity, quiet = (_text(value) for value in fields)
    try:
        actor = require(deps.viewer(), Action.ALERT)
        least = Severity(severity if severity in SEVERITIES else Severity.WARNING)
        with desk.audited(actor, ADD, name or "a channel") as after:
            id_ = deps.messenger.add(
                name,
                url,
                min_severity=least,
                quiet=quiet,
                by=actor,
                at_ms=now_ms(deps.clock),
            )
            after.update(channel=id_, min_severity=least.value, quiet=quiet)
    except DataError as error:
        return {"fault": str(error)}
    said = "The channel was added. Send a test to see whether messages arrive."
    emptied = {"name": "", "url": "", "quiet": "", "fault": None}
    return {**emptied, "message": said, "changed": new_number()}


def _review(deps: Deps, asked: Any) -> dict[str, Any]:
    found = _channel(deps, asked)
    words = "What waits for it is not sent. Its address is forgotten: to have it back, add it anew."
    body = [html.Strong(found.name), f" {found.address}", html.P(words)]
    return {"body": body, "plan": found.id}


def _remove(deps: Deps, desk: AlertActions, plan: Any) -> dict[str, Any]:
    actor = require(deps.viewer(), Action.ALERT)
    found = _channel(deps, {"channel": plan})
    with desk.audited(actor, REMOVE, found.name, before={"channel": found.id}):
        deps.messenger.remove(int(plan))
    return {"message": html.P("The channel was removed.")}


def _told(deps: Deps, desk: AlertActions, step: Any, asked: Any) -> Component | str:
    try:
        words: str = step(deps, desk, asked, require(deps.viewer(), Action.ALERT))
    except DataError as error:
        return problem(str(error))
    return words


def _test(deps: Deps, desk: AlertActions, asked: Any, actor: str) -> str:
    key = str(asked.get("channel"))
    names = {one.key: one.name for one in deps.messenger.channels()}
    with desk.audited(actor, TEST, names.get(key, "a channel")):
        deps.messenger.test(key, now_ms(deps.clock))
    return f"A test goes to {names[key]}. What became of it is below."


def _switch(deps: Deps, desk: AlertActions, asked: Any, actor: str) -> str:
    found = _channel(deps, asked)
    enabled = bool(asked.get("enabled"))
    with desk.audited(actor, SWITCH, found.name) as after:
        deps.messenger.switch(found.id or 0, enabled=enabled)
        after.update(enabled=enabled)
    return (
        f"{found.name} {'goes on' if enabled else 'is paused: nothing is sent to it'}."
    )


def _channel(deps: Deps, asked: Any) -> Channel:
    """One that people added. Raises InvalidRequestError when it is gone."""
    wanted = str(asked.get("channel"))
    for one in deps.messenger.channels():
        if one.id is not None and str(one.id) == wanted:
            return one
    message = "There is no such channel. Somebody else may have removed it."
    raise InvalidRequestError(message)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
