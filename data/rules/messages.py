"""Messages: what they are, who wants them, and which are sent now."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from data.clock import MINUTE_MS, SECOND_MS
from data.model import Severity

#: A channel gets one message in this time; what comes meanwhile is put together.
GROUP_MS: Final = 5 * MINUTE_MS
#: How long sending may take.
SEND_LIMIT_MS: Final = 10 * SECOND_MS
#: Whoever sends for longer than this is dead.
CLAIM_MS: Final = MINUTE_MS
#: Between the tries; after the last one the message is given up.
PAUSES_MS: Final = (30 * SECOND_MS, 2 * MINUTE_MS)
#: The most messages that are put together in one.
MOST_TOGETHER: Final = 50
_ORDER: Final = tuple(Severity)


class DeliveryState(StrEnum):
    """What became of a message to one channel."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    #: given up after all tries
    FAILED = "failed"
    #: who was sending it ended meanwhile: it is not sent again
    UNKNOWN = "unknown"
    #: over before it was sent, or its channel is gone
    DROPPED = "dropped"


class Kind(StrEnum):
    """What a message is about."""

    ALERT = "alert"
    ESCALATION = "escalation"
    RESOLVED = "resolved"
    #: a run of a job type that somebody wants to know of at once
    CRITICAL = "critical"
    SUMMARY = "summary"
    TEST = "test"


class Outlet(NamedTuple):
    """Where messages go, with the address: it holds secrets and is never shown."""

    key: str
    name: str
    url: str
    min_severity: Severity
    #: "22:00-07:00 Europe/Berlin", "" for none
    quiet: str
    enabled: bool
    made_at: int
    made_by: str


class Channel(NamedTuple):
    """An outlet as people see it."""

    key: str
    #: None: it is in the settings, and cannot be changed on the page
    id: int | None
    name: str
    #: masked
    address: str
    min_severity: Severity
    quiet: str
    enabled: bool
    #: why the last message did not arrive, "" when it did
    problem: str
    made_at: int
    made_by: str


class Message(NamedTuple):
    """Something to say; a channel is told the same ``key`` once."""

    key: str
    #: what it belongs to, as "episode:12"; "" for nothing
    about: str
    kind: Kind
    severity: Severity
    title: str
    body: str
    #: a PNG, for channels that take pictures
    picture: bytes | None = None


class Delivery(NamedTuple):
    """A message to one channel."""

    id: int
    channel: str
    key: str
    about: str
    kind: Kind
    severity: Severity
    title: str
    body: str
    state: DeliveryState
    #: how often it was tried
    tries: int
    made_at: int
    #: not before this instant: quiet hours, the pause between tries
    due_at: int
    #: since when it is being sent, or when it was; None while it waits
    done_at: int | None
    #: who is sending it, or did
    holder: str
    problem: str
    #: a PNG, for channels that take pictures
    picture: bytes | None = None


def wants(outlet: Outlet, severity: Severity) -> bool:
    """Is this channel told of things that matter so much?"""
    enough = _ORDER.index(severity) >= _ORDER.index(outlet.min_severity)
    return outlet.enabled and enough


def together(
    due: Sequence[Delivery], last_ms: int | None, now_ms: int
) -> list[Delivery]:
    """Which of one channel's due messages are sent now, as one.

    A test goes alone, critical ones at once; the others when the channel got none of
    theirs for ``GROUP_MS``, ``last_ms`` being the last time.
    """
    tests = [one for one in due if one.kind is Kind.TEST]
    urgent = [one for one in due if one.severity is Severity.CRITICAL]
    if tests or urgent:
        return tests[:1] or urgent[:MOST_TOGETHER]
    rested = last_ms is None or not 0 <= now_ms - last_ms < GROUP_MS
    return list(due[:MOST_TOGETHER]) if rested else []


def next_try(missed: Delivery, now_ms: int) -> int | None:
    """When it is tried again after one more try was in vain; None: it is given up.

    Whoever tries a channel looks at the outcome: a test has one try.
    """
    if missed.kind is Kind.TEST or missed.tries >= len(PAUSES_MS):
        return None
    return now_ms + PAUSES_MS[missed.tries]
