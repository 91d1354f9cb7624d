"""Channels and messages as lines, and the form for a new channel."""

from collections.abc import Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.tables import heads
from dashboard.ids import Channels
from dashboard.panels.error_parts import age, moment
from dashboard.views.channels import SEVERITIES, ChannelView, DeliveryView
from data.model import Severity

_LONGEST_ADDRESS = 2_000
_LONGEST_WORDS = 100


def channels_table(channels: Sequence[ChannelView]) -> Component:
    """One line a channel; without any what to do about that."""
    if not channels:
        words = (
            "Add one below, or set JOBS_NOTIFY_URLS: mail, Slack, Teams, PagerDuty,"
            " a webhook."
        )
        return html.Div(
            [html.Strong("No notification channel"), html.Span(words)],
            className="empty",
        )
    head = heads("Channel", "Last message", last="What can be done")
    return html.Table(
        [
            html.Caption("Channels", className="visually-hidden"),
            html.Thead(html.Tr(head)),
            html.Tbody([_channel(one) for one in channels]),
        ],
        className="groups channels",
    )


def _channel(one: ChannelView) -> Component:
    where = f"{one.address}{'' if one.id else ', from the settings'}"
    about = [html.Div(words, className="quiet") for words in (where, one.wants)]
    paused = None if one.enabled else html.Span(" paused", className="tone-warn")
    return html.Tr(
        [
            html.Td([html.Strong(one.name), paused, *about]),
            html.Td(_last(one)),
            html.Td(_buttons(one), className="rule-buttons"),
        ]
    )


def _last(one: ChannelView) -> list[Component]:
    if one.last is None:
        return [html.Span("nothing sent so far", className="quiet")]
    chip = html.Span(one.last.state, className=f"chip tone-{one.last.tone}")
    said: list[Component] = [
        chip,
        html.Span([" ", age(one.last.at)], className="quiet"),
    ]
    fault = html.Div(one.problem, className="channel-fault tone-bad")
    return [*said, fault] if one.problem else said


def _buttons(one: ChannelView) -> list[Component | str]:
    test = _button("Send test", one.name, data_do="test", data_channel=one.key)
    if one.id is None:
        return [test]
    which, words = str(one.id), "Pause" if one.enabled else "Go on"
    wanted = {"data_channel": which, "data_enabled": "" if one.enabled else "yes"}
    switch = _button(words, one.name, data_do="switch", **wanted)
    remove = _button("Remove…", one.name, data_do="remove", data_channel=which)
    return [test, " ", switch, " ", remove]


def _button(words: str, name: str, **asked: str) -> Component:
    named = attributes(aria_label=f"{words.rstrip('…')}: {name}", **asked)
    return html.Button(words, className="btn button-plain small", **named)


def deliveries_table(deliveries: Sequence[DeliveryView]) -> Component:
    """One line a message, newest first."""
    if not deliveries:
        words = "What is sent is listed here, and what became of it."
        return html.Div(
            [html.Strong("Nothing was sent"), html.Span(words)], className="empty"
        )
    head = heads("Message", "When", "State")
    return html.Table(
        [
            html.Caption("Messages", className="visually-hidden"),
            html.Thead(html.Tr(head)),
            html.Tbody([_delivery(one) for one in deliveries]),
        ],
        className="groups deliveries",
    )


def _delivery(one: DeliveryView) -> Component:
    about = f"{one.kind} to {one.channel}"
    waits = attributes(data_as="due", data_since=str(one.due_at))
    due = None if one.due_at is None else html.Span([" ", html.Span(**waits)])
    chip = html.Span(one.state, className=f"chip tone-{one.tone}")
    fault = html.Div(one.problem, className="channel-fault")
    return html.Tr(
        [
            html.Td([html.Div(one.title), html.Div(about, className="quiet")]),
            html.Td(moment(one.at)),
            html.Td([chip, due, fault if one.problem else None]),
        ]
    )


def channel_form() -> Component:
    """What a new channel needs; what is wrong is said beside it."""
    options = [{"value": key, "label": words} for key, words in SEVERITIES.items()]
    severity = dbc.Select(
        id=Channels.SEVERITY, options=options, value=Severity.WARNING.value
    )
    quiet_hint = "22:00-07:00 Europe/Berlin"
    address_hint = "mailto://127.0.0.1:25?from=jobs@example.org&to=ops@example.org"
    return html.Details(
        [
            html.Summary("Add a channel"),
            html.Div(
                [
                    _field(Channels.NAME, "Name", "Ops mail", _LONGEST_WORDS),
                    html.Label([html.Span("Is told of"), severity]),
                    _field(Channels.QUIET, "Quiet hours", quiet_hint, _LONGEST_WORDS),
                    html.Div(
                        [
                            _field(
                                Channels.URL, "Address", address_hint, _LONGEST_ADDRESS
                            ),
                            html.Div(
                                id=Channels.FAULT, className="field-fault", role="alert"
                            ),
                        ],
                        className="wide",
                    ),
                    html.Button("Add", id=Channels.ADD, className="btn button-main"),
                ],
                className="channel-form",
            ),
        ],
        className="channel-adding",
    )


def _field(id_: str, words: str, hint: str, longest: int) -> Component:
    field: Any = dcc.Input(
        id=id_,
        placeholder=hint,
        maxLength=longest,
        autoComplete="off",
        className="form-control",
    )
    return html.Label([html.Span(words), field])
