"""What fired when, who saw to it, how long it took."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.outcome import problem
from dashboard.components.search import choice, export
from dashboard.components.tables import scrolling
from dashboard.deps import Deps
from dashboard.format import count
from dashboard.ids import Alerts, Shell
from dashboard.panels.alert_parts import episode_facts, episodes_table
from dashboard.views.alert_history import ANY, PAGE, episode_view
from dashboard.views.alerts import Tell
from data.actions.alerts import AlertActions
from data.exceptions import UnknownAlertError
from data.monitor.alerting import about_of
from data.rules.alarms import RULES


def layout(query: Mapping[str, str]) -> html.Section:
    """The list, with the choice of a rule and the alert that the URL asks for."""
    rules = {ANY: "Any rule", **{name: rule.title for name, rule in RULES.items()}}
    asked = query.get("alert", "")
    return html.Section(
        [
            html.Div(
                [
                    html.H2("History"),
                    html.Span(
                        id=Alerts.HISTORY_COUNT, className="quiet", role="status"
                    ),
                    *choice(Alerts.RULE, "Rule", rules, query.get("of")),
                    *export(Alerts.EXPORT, "alerts.csv"),
                ],
                className="panel-head filters",
            ),
            html.Div(id=Alerts.CHOSEN),
            scrolling(Alerts.HISTORY, "Alerts that fired"),
            html.Div(
                html.Button(
                    "Older", id=Alerts.OLDER, className="link-button", hidden=True
                ),
                className="panel-foot",
            ),
            dcc.Store(id=Alerts.EPISODE, data={"alert": asked} if asked else None),
        ],
        className="panel",
        **attributes(aria_label="History of alerts"),
    )


def register(app: Dash) -> None:
    """Attach what keeps the choice in the URL."""
    app.clientside_callback(
        ClientsideFunction("alerts", "keep"),
        Output(Alerts.EXPORT, "href"),
        Input(Alerts.RULE, "value"),
        Input(Alerts.EPISODE, "data"),
        Input(Shell.SOURCE, "value"),
        Input(Alerts.LIST, "children"),
        Input(Alerts.HISTORY, "children"),
    )


def shown(  # noqa: PLR0917  # as the page's callback has them
    deps: Deps, desk: AlertActions, rule: str, asked: Any, pages: int, source: str
) -> dict[str, Any]:
    """What the panel shows; ``asked`` is the episode of the URL."""
    of = rule if rule in RULES else ""
    limit = pages * PAGE
    found = deps.store.alerts.episodes(limit=limit + 1, rule=of, source=source)
    episodes = found[:limit]
    chosen = _chosen(asked)
    tell = partial(about_of, deps.sources)
    return {
        "history": _list([episode_view(one, tell) for one in episodes], of, chosen),
        "history_count": f"newest first, {count(len(episodes))} shown",
        "older": len(found) <= limit,
        "chosen": _facts(deps, desk, chosen, tell),
    }


def _list(episodes: list[Any], of: str, chosen: int | None) -> Component:
    if episodes:
        return episodes_table(episodes, chosen)
    words = "No alert of this rule ever fired." if of else "No alert ever fired."
    kept = "What fires is listed here for as long as JOBS_RETENTION says."
    return html.Div([html.Strong(words), html.Span(kept)], className="empty")


def _facts(
    deps: Deps, desk: AlertActions, chosen: int | None, tell: Tell
) -> Component | None:
    if chosen is None:
        return None
    try:
        return episode_facts(episode_view(desk.episode(chosen), tell), deps.look.prefix)
    except UnknownAlertError as error:
        return problem(str(error))


def _chosen(asked: Any) -> int | None:
    text = str(asked.get("alert", "")) if isinstance(asked, dict) else ""
    return int(text) if text.isdecimal() and len(text) < 16 else None  # noqa: PLR2004
