"""The rules that alerts follow: what each means, and what people may change about it.

How a rule is judged is in ``data.rules.judging``, when its alert fires in
``data.rules.alerts``. Shares are percent and durations minutes here, because people read
and type these numbers.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from data.clock import MINUTE_MS
from data.exceptions import InvalidRequestError
from data.model import Severity
from data.rules.number_text import things


class Threshold(NamedTuple):
    """One number of a rule that people may change."""

    name: str
    #: what it is, to be read before the number
    words: str
    default: float
    #: what is allowed, both ends included
    low: float
    high: float
    #: "%", "min", "h", "" for a count, "times", "on/off" for 1 or 0
    unit: str

    @property
    def whole(self) -> bool:
        """Is a part of one of these no number?"""
        return self.unit in {"", "on/off"}


#: Makes the sentence that says when a rule fires, out of its values by name.
Describe = Callable[[Mapping[str, float]], str]


class Rule(NamedTuple):
    """What is watched."""

    name: str
    title: str
    describe: Describe
    #: how long it must be breached before it fires
    for_ms: int
    #: how long it goes on firing after it recovered
    keep_ms: int
    severity: Severity
    thresholds: tuple[Threshold, ...]
    #: it has an alert for each job, source or group of errors
    labelled: bool = False


#: The most alerts of one rule; what is beyond is put together in one more.
MOST_LABELS: Final = 50
_DAY_MIN: Final = 24 * 60


def _rule(
    name: str,
    title: str,
    describe: Describe,
    *thresholds: Threshold,
    severity: Severity = Severity.WARNING,
    times: tuple[int, int] = (0, 0),
    labelled: bool = False,
) -> Rule:
    """``times`` are `for` and `keep` in minutes."""
    hold, keep = times
    own = (
        *thresholds,
        Threshold("for", "Fires when it lasts for", hold, 0, _DAY_MIN, "min"),
        Threshold("keep", "Stays on after it is over for", keep, 0, _DAY_MIN, "min"),
        Threshold("enabled", "Is judged", 1, 0, 1, "on/off"),
    )
    return Rule(
        name,
        title,
        describe,
        hold * MINUTE_MS,
        keep * MINUTE_MS,
        severity,
        own,
        labelled,
    )


def _minutes(value: float) -> str:
    return f"{value:g} minute{'' if value == 1 else 's'}"


def _people(value: float) -> str:
    return "1 person" if value == 1 else f"{value:g} people"


def _burn(
    speed: str, spans: str, share: float, least: int, times: tuple[int, int]
) -> Rule:
    slow = speed == "Slow"
    return _rule(
        f"UptimeBurn{speed}",
        f"Pages that are not up to date ({spans})",
        lambda v: (
            f"More than {v['fire']:g} % of the minutes in which somebody looked at a page"
            f" were bad, in {spans.replace(' and ', ' and in ')}; judged from"
            f" {things(int(v['minutes']), 'minute')} on."
        ),
        Threshold("fire", "Share of bad minutes above", share, 0.1, 100, "%"),
        Threshold("minutes", "Judged from so many minutes on", least, 1, 100_000, ""),
        severity=Severity.WARNING if slow else Severity.CRITICAL,
        times=times,
    )


_ALL: Final = (
    _rule(
        "WsDisconnectRate",
        "Viewers who lose the live connection",
        lambda v: (
            f"More than {v['fire']:g} % of those who looked at a page in the last 15"
            f" minutes lost the live connection, at least"
            f" {things(int(v['users']), 'viewer')}, and more than normal variation."
        ),
        Threshold("fire", "Share of viewers above", 5, 0.1, 100, "%"),
        Threshold("resolve", "Over when the share is below", 3, 0.1, 100, "%"),
        Threshold("users", "Viewers who lost it, at least", 3, 1, 10_000, ""),
        times=(5, 10),
    ),
    _rule(
        "StalledFrequency",
        "Stalled runs in a day",
        lambda v: (
            f"More than {things(int(v['fire']), 'run')} stalled on one day (UTC); where"
            " one every other day is usual, more than normal variation makes of that."
        ),
        Threshold("fire", "Stalled runs on a day, more than", 2, 0, 10_000, ""),
        Threshold("resolve", "Over when they are at most", 1, 0, 10_000, ""),
        times=(0, 60),
    ),
    _rule(
        "ErrorRateWoW",
        "Error rate, this week and the one before",
        lambda v: (
            f"The error rate of the last 7 days is more than {v['fire']:g} times that of"
            f" the 7 days before, with at least {things(int(v['failed']), 'failed run')},"
            " and normal variation does not explain it."
        ),
        Threshold("fire", "Rate of the week before, times", 1.5, 1.01, 100, "times"),
        Threshold("resolve", "Over when it is below", 1.2, 1, 100, "times"),
        Threshold("failed", "Failed runs in the week, at least", 10, 1, 100_000, ""),
        times=(60, 360),
    ),
    _rule(
        "NewErrorGroup",
        "A new error",
        lambda v: (
            "An error that was never seen before, or that came back after it was"
            f" resolved, met {_people(v['users'])} or occurred"
            f" {things(int(v['events']), 'time')} within an hour."
        ),
        Threshold("users", "People who met it in an hour, at least", 3, 1, 10_000, ""),
        Threshold("events", "Or times in an hour, at least", 10, 1, 1_000_000, ""),
        Threshold("quiet", "Over when it stayed away for", 24, 1, 24 * 30, "h"),
        times=(0, 60),
        labelled=True,
    ),
    _burn("Fast", "an hour and 5 minutes", 7.2, 60, (2, 15)),
    _burn("Mid", "6 hours and 30 minutes", 3, 200, (15, 30)),
    _burn("Slow", "3 days and 6 hours", 0.5, 1_000, (60, 360)),
    _rule(
        "TelemetryDead",
        "Pages tell nothing of themselves",
        lambda v: (
            "Pages are open that should send telemetry, and none has arrived for"
            f" {_minutes(v['silent'])}. One browser alone may have a content blocker."
        ),
        Threshold("silent", "Nothing told for", 10, 2, _DAY_MIN, "min"),
        times=(10, 10),
    ),
    _rule(
        "CriticalStalled",
        "A critical job is stalled",
        lambda _: "A run of a job type in JOBS_CRITICAL_JOBS is stalled.",
        severity=Severity.CRITICAL,
        labelled=True,
    ),
    _rule(
        "CriticalFailed",
        "A critical job failed",
        lambda v: (
            f"At least {things(int(v['failed']), 'run')} of a job type in"
            " JOBS_CRITICAL_JOBS failed in this hour or the one before."
        ),
        Threshold("failed", "Failed runs, at least", 1, 1, 10_000, ""),
        severity=Severity.CRITICAL,
        labelled=True,
    ),
    _rule(
        "SourceDown",
        "A source cannot be read",
        lambda v: (
            "The database with the job table has not answered as it should for"
            f" {_minutes(v['for'])}."
        ),
        severity=Severity.CRITICAL,
        times=(1, 2),
        labelled=True,
    ),
)

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.name: rule for rule in _ALL})

#: While an alert of the rule fires nobody is told of alerts of these.
INHIBITS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "SourceDown": frozenset(
            {
                "WsDisconnectRate",
                "ErrorRateWoW",
                "UptimeBurnFast",
                "UptimeBurnMid",
                "UptimeBurnSlow",
            }
        )
    }
)


def meaning_of(rule: Rule, values: Mapping[str, float]) -> str:
    """When the rule fires as it is set, a sentence."""
    return rule.describe(values)


def rule_of(name: str) -> Rule:
    """The rule of this name. Raises InvalidRequestError."""
    if name not in RULES:
        message = f"There is no rule {name[:40]!r}. Rules: {', '.join(RULES)}."
        raise InvalidRequestError(message)
    return RULES[name]


def checked(rule: str, raw: Mapping[str, object]) -> dict[str, float]:
    """Every threshold of the rule by name: as in ``raw``, or as it is by itself.

    Raises InvalidRequestError, which says what is wrong and what is allowed.
    """
    found = rule_of(rule)
    known = {threshold.name: threshold for threshold in found.thresholds}
    if unknown := raw.keys() - known.keys():
        message = (
            f"{found.title}: there is no {min(unknown)[:40]!r}."
            f" It has: {', '.join(known)}."
        )
        raise InvalidRequestError(message)
    values = {
        name: checked_value(found, threshold, raw[name])
        if name in raw
        else threshold.default
        for name, threshold in known.items()
    }
    if values.get("resolve", 0) > values.get("fire", math.inf):
        message = (
            f"{found.title}: it can only be over at or below the limit that it fires"
            f" above, {values['fire']:g}."
        )
        raise InvalidRequestError(message)
    return values


def differing(rule: str, values: Mapping[str, float]) -> dict[str, float]:
    """The values that are not what the rule has by itself."""
    return {
        threshold.name: values[threshold.name]
        for threshold in rule_of(rule).thresholds
        if values.get(threshold.name, threshold.default) != threshold.default
    }


def checked_value(rule: Rule, threshold: Threshold, raw: object) -> float:
    """A number, as JSON or a form gives it, within its bounds.

    Raises InvalidRequestError, which says what is wrong and what is allowed.
    """
    try:
        value = float(str(raw)) if not isinstance(raw, bool) else float(raw)
    except ValueError:
        value = math.nan
    if not threshold.low <= value <= threshold.high or (
        threshold.whole and value != int(value)
    ):
        kind = "a whole number" if threshold.whole else "a number"
        message = (
            f"{rule.title}, {threshold.words.lower()}: {str(raw)[:40]!r} is not {kind}"
            f" from {threshold.low:g} to {threshold.high:g}."
        )
        raise InvalidRequestError(message)
    return value
