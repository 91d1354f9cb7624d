"""Alerts: what fires now, what did, what they follow, and who is told."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.deps import Deps
from dashboard.ids import Alerts, Channels, RuleEditor, Shell
from dashboard.offload import offload
from dashboard.panels import (
    alert_channels,
    alert_dialogs,
    alert_history,
    alert_rule,
)
from dashboard.panels.alert_parts import alert_cards, rules_table, silence_line
from dashboard.panels.error_parts import age
from dashboard.views.alerts import (
    alert_views,
    news_of,
    rule_views,
    stale_since,
    without_data,
)
from data.actions.alerts import AlertActions
from data.clock import now_ms
from data.exceptions import DataError
from data.monitor.alerting import about_of
from data.monitor.stall_limit import RULE as STALLS
from data.monitor.stall_limit import stall_limit
from data.rules.alerts import Standing
from data.tracking import track_once

PATH: Final = "/alerts"
TITLE: Final = "Alerts"

_LOOKS_EVERY_MS: Final = 15_000


def layout(**query: str) -> html.Div:
    """The page with what the URL asks for; the callbacks fill the rest."""
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            html.Div(
                id=Alerts.PROBLEM,
                className="outcome-problem",
                role="alert",
                hidden=True,
            ),
            alert_channels.warning(),
            html.Div(
                [_now(), alert_rule.layout(query.get("rule", ""))],
                className="alerts-columns",
            ),
            alert_history.layout(query),
            alert_channels.layout(),
            alert_dialogs.layout(),
            html.Div(id=Alerts.NEWS, className="visually-hidden", role="status"),
            dcc.Interval(id=Alerts.INTERVAL, interval=_LOOKS_EVERY_MS),
            dcc.Store(id=Alerts.CHANGED),
        ],
        id=Alerts.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks."""
    desk = AlertActions(deps.store, deps.clock)
    alert_dialogs.register(app, deps, desk)
    alert_rule.register(app, deps, desk)
    alert_history.register(app)
    alert_channels.register(app, deps, desk)

    @app.callback(
        {key: Output(*target) for key, target in _OUTPUTS.items()},
        Input(Alerts.INTERVAL, "n_intervals"),
        Input(Alerts.REFRESH, "n_clicks"),
        Input(Alerts.CHANGED, "data"),
        Input(Alerts.EPISODE, "data"),
        Input(Alerts.RULE, "value"),
        Input(Alerts.OLDER, "n_clicks"),
        Input(Shell.SOURCE, "value"),
        State(RuleEditor.SHOWN, "data"),
    )
    @offload
    def _look(*values: Any) -> dict[str, Any]:
        *_signs, episode, rule, older, source, shown = values
        is_other = ctx.triggered_id in (Alerts.RULE, Shell.SOURCE)
        pages = 1 if is_other else 1 + (older or 0)
        of = deps.narrowed(source)
        return _found(deps, desk, shown, (rule, episode, pages, of))


#: What a look sets.
_OUTPUTS: Final = {
    "list": (Alerts.LIST, "children"),
    "count": (Alerts.COUNT, "children"),
    "news": (Alerts.NEWS, "children"),
    "history": (Alerts.HISTORY, "children"),
    "history_count": (Alerts.HISTORY_COUNT, "children"),
    "older": (Alerts.OLDER, "hidden"),
    "chosen": (Alerts.CHOSEN, "children"),
    "channels": (Channels.LIST, "children"),
    "no_channel": (Channels.NONE, "children"),
    "no_channel_hidden": (Channels.NONE, "hidden"),
    "deliveries": (Channels.DELIVERIES, "children"),
    "interval": (Alerts.INTERVAL, "interval"),
    "problem": (Alerts.PROBLEM, "children"),
    "problem_hidden": (Alerts.PROBLEM, "hidden"),
    "page": (Alerts.PAGE, "className"),
}


def _found(
    deps: Deps, desk: AlertActions, shown: Any, history: tuple[Any, ...]
) -> dict[str, Any]:
    done = {"problem_hidden": True, "problem": "", "page": "page"}
    try:
        return {
            **done,
            **_stand(deps, shown, history[-1]),
            **alert_history.shown(deps, desk, *history),
            **alert_channels.shown(deps),
        }
    except DataError as error:
        track_once(error, action="loadAlerts", component=Alerts.LIST)
        words = f"{error} Nothing newer is shown until that is over."
        problem = {"problem_hidden": False, "problem": words, "page": "page is-stale"}
        return {**dict.fromkeys(_OUTPUTS, no_update), **problem}


def _stand(deps: Deps, shown: Any, source: str) -> dict[str, Any]:
    now = now_ms(deps.clock)
    log = deps.store.alerts
    everywhere, settings, silences = log.standings(), log.settings(), log.silences(now)
    standings = log.standings(source) if source else everywhere
    tell = partial(about_of, deps.sources)
    holding = {STALLS: stall_limit(deps.store, now)}
    alerts = alert_views(standings, settings, silences, tell, holding)
    rules = rule_views(standings, settings, silences, holding)
    everything = [silence_line(one) for one in silences if not one.rule]
    chosen = shown["rule"] if isinstance(shown, dict) else ""
    return {
        "list": [
            *_staleness(everywhere, now),
            *everything,
            alert_cards(alerts, deps.look.prefix),
            rules_table(rules, chosen),
        ],
        "count": _count(
            sum(one.firing for one in standings),
            without_data(rules),
            sum(one.firing for one in everywhere),
        ),
        "news": news_of(alerts),
    }


def _staleness(standings: Sequence[Standing], now: int) -> list[Component]:
    """Alerts that nobody judges any more are no reason to be calm."""
    since = stale_since(standings, now)
    if since is None:
        return []
    if not since:
        words: list[Any] = ["Alerts were not judged yet: that begins with the server."]
    else:
        words = ["Alerts were judged last ", age(since), ": this may be out of date."]
    return [html.Div(words, className="alerts-stale", role="status")]


def _count(firing: int, unknown: int, everywhere: int) -> str:
    known = f"{firing} firing" if firing else "No active alerts"
    if everywhere > firing:
        known += f", {everywhere - firing} firing in other sources"
    return f"{known}, {unknown} without data" if unknown else known


def _now() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Now"),
                    html.Span(id=Alerts.COUNT, className="quiet"),
                    html.Button("Refresh", id=Alerts.REFRESH, className="link-button"),
                ],
                className="panel-head",
            ),
            html.Div(id=Alerts.MESSAGE, className="alerts-message", role="status"),
            html.Div(id=Alerts.LIST),
        ],
        className="panel",
        **attributes(aria_label="Alerts now"),
    )
