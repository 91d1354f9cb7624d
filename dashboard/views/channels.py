"""The channels that messages go through, and what became of messages, in words."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.format import shorten
from dashboard.views.alerts import NAME, TEXT
from data.clock import MINUTE_MS
from data.model import Severity
from data.rules.messages import Channel, Delivery, DeliveryState, Kind

#: Messages that are listed.
DELIVERIES: Final = 50
#: What a channel may be told of, least first.
SEVERITIES: Final[Mapping[str, str]] = {
    Severity.INFO: "Everything",
    Severity.WARNING: "Warnings and critical",
    Severity.CRITICAL: "Critical only",
}
_TONES: Final[dict[DeliveryState, str]] = {
    DeliveryState.WAITING: "quiet",
    DeliveryState.SENDING: "busy",
    DeliveryState.SENT: "good",
    DeliveryState.FAILED: "bad",
    DeliveryState.UNKNOWN: "warn",
    DeliveryState.DROPPED: "quiet",
}
_KINDS: Final[dict[Kind, str]] = {
    Kind.ALERT: "Alert",
    Kind.ESCALATION: "Escalation",
    Kind.RESOLVED: "Resolved",
    Kind.CRITICAL: "Critical run",
    Kind.SUMMARY: "Summary",
    Kind.TEST: "Test",
}
_UNDER_WAY: Final = frozenset({DeliveryState.WAITING, DeliveryState.SENDING})


def missing_words(channels: Sequence[Channel]) -> str:
    """Why nobody would be notified of an alert; "" when somebody is."""
    if not channels:
        return "No notification channel: nobody is notified of alerts."
    if not any(one.enabled for one in channels):
        return "Every notification channel is paused: nobody is notified of alerts."
    return ""


class DeliveryView(NamedTuple):
    """A message to one channel."""

    channel: str
    kind: str
    title: str
    state: str
    tone: str
    at: int
    #: why it did not arrive, or when it is tried again
    problem: str
    #: it waits until then, None when it does not
    due_at: int | None


class ChannelView(NamedTuple):
    """A channel as a line."""

    key: str
    #: None when it comes from the settings
    id: int | None
    name: str
    address: str
    #: "Critical only, quiet 22:00-07:00 Europe/Berlin"
    wants: str
    enabled: bool
    last: DeliveryView | None
    problem: str


def channel_views(
    channels: Sequence[Channel], deliveries: Sequence[Delivery]
) -> list[ChannelView]:
    """Every channel with its last message; ``deliveries`` are newest first."""
    last = {one.channel: one for one in reversed(deliveries)}
    return [
        ChannelView(
            key=one.key,
            id=one.id,
            name=shorten(one.name, NAME),
            address=shorten(one.address, NAME),
            wants=_wants(one),
            enabled=one.enabled,
            last=_delivery(last[one.key], one.name) if one.key in last else None,
            problem=shorten(one.problem, TEXT),
        )
        for one in channels
    ]


def delivery_views(
    deliveries: Sequence[Delivery], channels: Sequence[Channel]
) -> list[DeliveryView]:
    """Messages as lines, in their order."""
    names = {one.key: one.name for one in channels}
    return [
        _delivery(one, names.get(one.channel, "a removed channel"))
        for one in deliveries
    ]


def is_under_way(deliveries: Sequence[Delivery], now_ms: int) -> bool:
    """Will it be known in a moment what became of some message?"""
    return any(
        one.state in _UNDER_WAY
        and one.due_at <= now_ms
        and now_ms - one.made_at < MINUTE_MS
        for one in deliveries
    )


def _delivery(one: Delivery, name: str) -> DeliveryView:
    waits = one.state is DeliveryState.WAITING
    return DeliveryView(
        channel=shorten(name, NAME),
        kind=_KINDS[one.kind],
        title=shorten(one.title, TEXT),
        state=one.state.capitalize(),
        tone=_TONES[one.state],
        at=one.made_at if one.done_at is None else one.done_at,
        problem=shorten(one.problem, TEXT),
        due_at=one.due_at if waits else None,
    )


def _wants(one: Channel) -> str:
    quiet = f", quiet {shorten(one.quiet, NAME)}" if one.quiet else ""
    return f"{SEVERITIES[one.min_severity]}{quiet}"
