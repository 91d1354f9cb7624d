"""Alerts, rules and episodes as lines; what they say is made in ``views``."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.tables import heads
from dashboard.panels.error_parts import age, moment
from dashboard.urls import below
from dashboard.views.alert_history import EpisodeView
from dashboard.views.alerts import AlertView, Moment, RuleView
from data.rules.alerts import Silence


def alert_cards(alerts: Sequence[AlertView], prefix: str) -> Component:
    """What is not at rest, worst first."""
    if not alerts:
        return html.Div("No active alerts.", className="alerts-calm tone-good")
    return html.Ul([_card(one, prefix) for one in alerts], className="alert-cards")


def rules_table(rules: Sequence[RuleView], chosen: str) -> Component:
    """Every rule as a calm line."""
    head = heads("Rule", "State", "Now", last="What can be done")
    rows = [_rule(rule, is_chosen=rule.rule == chosen) for rule in rules]
    return html.Table(
        [
            html.Caption("Rules", className="visually-hidden"),
            html.Thead(html.Tr(head)),
            html.Tbody(rows),
        ],
        className="groups rules",
    )


def _card(one: AlertView, prefix: str) -> Component:
    """What fires or will has its buttons; the line of its rule has those of the rest."""
    buttons = html.Div(_card_buttons(one), className="alert-buttons")
    said = [one.sentence or one.measured, " "]
    return html.Li(
        [
            html.Div(
                [
                    html.Span(one.chip, className=f"chip tone-{one.tone}"),
                    html.Strong(one.title),
                    html.Span(moments(one.moments), className="quiet"),
                    buttons if one.is_urgent else None,
                ],
                className="alert-head",
            ),
            html.Div(
                [*said, _cause(one.cause, prefix)],
                className="alert-sentence",
            ),
            _flags(one),
        ],
        className=f"alert-card tone-line-{one.tone}",
    )


def _cause(cause: tuple[str, str], prefix: str) -> Component | None:
    words, path = cause
    return html.A(words, href=below(prefix, path)) if words else None


def _flags(one: AlertView) -> Component:
    found: list[Component] = []
    if one.acknowledged and one.acknowledged_at is not None:
        words = f"Acknowledged by {one.acknowledged} · "
        found.append(html.Div([words, age(one.acknowledged_at)]))
    if one.silence:
        found.append(silence_line(one.silence))
    return html.Div(found, className="alert-flags")


def silence_line(silence: Silence) -> Component:
    """Until when, by whom and why nobody is told."""
    about = "All alerts are silenced" if not silence.rule else "Silenced"
    why = f" by {silence.made_by}: {silence.reason}"
    return html.Div([f"{about} until ", moment(silence.until_at), why])


def _card_buttons(one: AlertView) -> list[Component]:
    found = []
    if one.episode is not None and not one.acknowledged:
        asked = attributes(data_do="acknowledge", data_episode=str(one.episode))
        found.append(_button("Acknowledge…", one.title, asked))
    return [*found, _silence_button(one.rule, one.label, one.title, one.silence)]


def _silence_button(
    rule: str, label: str, title: str, silence: Silence | None
) -> Component:
    if silence is None:
        asked = attributes(data_do="silence", data_rule=rule, data_label=label)
        return _button("Silence…", title, asked)
    asked = attributes(data_do="end", data_silence=str(silence.id))
    return _button("End silence", title, asked)


def _button(words: str, title: str, asked: dict[str, Any]) -> Component:
    named = attributes(aria_label=f"{words.rstrip('…')}: {title}")
    return html.Button(words, className="btn button-plain small", **asked, **named)


def _rule(rule: RuleView, *, is_chosen: bool) -> Component:
    asked = attributes(data_do="rule", data_rule=rule.rule)
    link = html.A(
        rule.title, href=f"?rule={rule.rule}", className="group-title", **asked
    )
    changed = html.Span(" changed", className="quiet") if rule.is_changed else None
    silenced = (
        html.Div(silence_line(rule.silence), className="quiet")
        if rule.silence
        else None
    )
    return html.Tr(
        [
            html.Td([link, changed]),
            html.Td(html.Span(rule.chip, className=f"chip tone-{rule.tone}")),
            html.Td([rule.words, silenced]),
            html.Td(
                [
                    _button("Change…", rule.title, asked),
                    " ",
                    _silence_button(rule.rule, "", rule.title, rule.silence),
                ],
                className="rule-buttons",
            ),
        ],
        className="chosen" if is_chosen else "",
        **attributes(data_rule=rule.rule),
    )


def moments(found: Sequence[Moment]) -> list[Component | str]:
    """Words with instants that move on, with points between them."""
    said: list[Component | str] = []
    for one in found:
        told = attributes(data_as=one.as_, data_since=str(one.at))
        said += [" · " if said else "", f"{one.words} " if one.words else ""]
        said.append(html.Span(**told))
    return said


def episodes_table(episodes: Sequence[EpisodeView], chosen: int | None) -> Component:
    """What fired when, newest first."""
    cells = heads(
        "Alert", "Fired", "Over", "To detect", "To resolve", "Acknowledged by"
    )
    rows = [_episode(one, is_chosen=one.id == chosen) for one in episodes]
    return html.Table(
        [
            html.Caption("Alerts that fired", className="visually-hidden"),
            html.Thead(html.Tr(cells)),
            html.Tbody(rows),
        ],
        className="groups episodes",
    )


def _episode(one: EpisodeView, *, is_chosen: bool) -> Component:
    link = html.A(
        one.title,
        href=f"?alert={one.id}",
        className="group-title",
        **attributes(data_do="alert", data_alert=str(one.id)),
    )
    over = html.Span("still firing", className=f"tone-{one.tone}")
    words = f"{one.severity} · {one.sentence}"
    return html.Tr(
        [
            html.Td([link, html.Div(words, className="quiet")]),
            html.Td(moment(one.fired_at), **_headed("Fired")),
            html.Td(
                over if one.resolved_at is None else moment(one.resolved_at),
                **_headed("Over"),
            ),
            html.Td(one.detected, **_headed("To detect")),
            html.Td(one.resolved or "—", **_headed("To resolve")),
            html.Td(one.acked_by or "—", title=one.note, **_headed("By")),
        ],
        className="chosen" if is_chosen else "",
        **attributes(data_alert=str(one.id)),
    )


def episode_facts(one: EpisodeView, prefix: str) -> Component:
    """Everything about one episode."""
    facts: list[tuple[str, Any]] = [
        ("Severity", one.severity),
        ("Fired", moment(one.fired_at)),
        (
            "Over",
            "still firing" if one.resolved_at is None else moment(one.resolved_at),
        ),
        ("Time to detect", one.detected),
        ("Time to resolve", one.resolved or "—"),
        ("Acknowledged by", _seen_to(one)),
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.Strong(one.title),
                    _cause(one.cause, prefix),
                    html.Button(
                        "Close",
                        className="link-button",
                        **attributes(data_do="alert", data_alert=""),
                    ),
                ],
                className="alert-head",
            ),
            html.Div(one.sentence),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts],
                className="facts",
            ),
        ],
        className="episode-facts",
    )


def _seen_to(one: EpisodeView) -> list[Component | str]:
    if one.acked_at is None:
        return ["nobody"]
    note = f": {one.note}" if one.note else ""
    return [f"{one.acked_by}{note} · ", moment(one.acked_at)]


def _headed(words: str) -> dict[str, Any]:
    """What a narrow screen says before the cell."""
    return attributes(data_head=words)
