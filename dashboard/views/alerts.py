"""Alerts for the page, its CSV and the routes: what stands how, worst first, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.format import shorten
from data.clock import MINUTE_MS
from data.model import AlertState, Severity
from data.monitor.deciding import About
from data.rules.alarms import RULES, Rule, meaning_of
from data.rules.alerts import Silence, Standing
from data.rules.stall_frequency import DayLimit

#: Alerts that nobody judged for this long are old news.
STALE_AFTER_MS: Final = 3 * MINUTE_MS
#: Of a text that a job or a browser may have written, in characters.
TEXT: Final = 300
NAME: Final = 80

#: How an alert looks while it fires.
_FIRING_TONES: Final = {
    Severity.INFO: "busy",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
}
_CHIPS: Final[dict[AlertState, tuple[str, str]]] = {
    AlertState.INACTIVE: ("OK", "good"),
    AlertState.PENDING: ("Pending", "warn"),
    AlertState.RESOLVED: ("Resolved", "good"),
    AlertState.NO_DATA: ("No data", "quiet"),
}
_LOUD: Final = frozenset({AlertState.PENDING, AlertState.RESOLVED})
#: What is shown first.
_ORDER: Final = (AlertState.PENDING, AlertState.NO_DATA, AlertState.RESOLVED)
#: The thresholds that a value is held against, the first one that a rule has.
_LIMITS: Final = ("fire", "failed", "silent")
#: What the page with the cause of an alert is called; trends where nothing is said.
_CAUSES: Final[dict[str, str]] = {
    "NewErrorGroup": "The error",
    "CriticalStalled": "Stalled runs",
    "CriticalFailed": "Failed runs",
    "SourceDown": "The source",
}
#: Alerts of a rule that are put together have no cause of their own.
_NO_CAUSE: Final = "/alerts"

#: The limits that hold now, by rule, where they are not simply what is set.
Holding = Mapping[str, DayLimit]
_AS_SET: Final[Holding] = {}
#: Says what an alert is about, by its rule and label.
Tell = Callable[[Rule, str], About]


class Moment(NamedTuple):
    """Words around an instant that moves on: assets/ticker.js writes it."""

    words: str
    #: epoch ms
    at: int
    #: "ago", "due", "duration" or "clock"
    as_: str


class AlertView(NamedTuple):
    """One alert that is not at rest."""

    rule: str
    label: str
    title: str
    chip: str
    tone: str
    sentence: str
    #: "3, limit 2"; "" where there is no number
    measured: str
    moments: tuple[Moment, ...]
    #: words and path of the page with the cause
    cause: tuple[str, str]
    #: it fires, or will
    is_urgent: bool
    #: the episode that goes on, None when nobody can see to it
    episode: int | None
    #: who sees to it: "ann: on it", "" for nobody
    acknowledged: str
    acknowledged_at: int | None
    silence: Silence | None


class RuleView(NamedTuple):
    """One rule as a calm line."""

    rule: str
    title: str
    meaning: str
    chip: str
    tone: str
    words: str
    #: it is not as it is by itself
    is_changed: bool
    silence: Silence | None


def alert_views(
    standings: Sequence[Standing],
    settings: Mapping[str, Mapping[str, object]],
    silences: Sequence[Silence],
    tell: Tell,
    holding: Holding = _AS_SET,
) -> list[AlertView]:
    """Every alert that fires, will, or did a short while ago, worst first."""
    loud = [one for one in standings if is_loud(one) and one.rule in RULES]
    return [
        _alert_view(
            one,
            tell(RULES[one.rule], one.label),
            values_of(RULES[one.rule], settings),
            silences,
            holding.get(one.rule),
        )
        for one in sorted(loud, key=_badness)
    ]


def rule_views(
    standings: Sequence[Standing],
    settings: Mapping[str, Mapping[str, object]],
    silences: Sequence[Silence],
    holding: Holding = _AS_SET,
) -> list[RuleView]:
    """Every rule in its order, with what its alerts come to."""
    return [
        _rule_view(
            rule,
            [one for one in standings if one.rule == rule.name],
            values_of(rule, settings),
            silences,
            holding.get(rule.name),
            is_changed=bool(settings.get(rule.name)),
        )
        for rule in RULES.values()
    ]


def values_of(
    rule: Rule, settings: Mapping[str, Mapping[str, object]]
) -> dict[str, float]:
    """What the rule is judged by; ``settings`` are what people changed, by rule."""
    found = settings.get(rule.name, {})
    return {
        threshold.name: _number(found.get(threshold.name), threshold.default)
        for threshold in rule.thresholds
    }


def amount(value: float, unit: str) -> str:
    """A number in its unit: "6.3%", "3", "10 min"."""
    if unit == "on/off":
        return "on" if value else "off"
    number = f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"  # noqa: PLR2004
    return f"{number}%" if unit == "%" else f"{number} {unit}".strip()


def limit_of(rule: Rule, values: Mapping[str, float]) -> str:
    """What a value of the rule is held against, in words; "" where there is no number."""
    units = {threshold.name: threshold.unit for threshold in rule.thresholds}
    name = next((name for name in _LIMITS if name in units), "")
    return amount(values[name], units[name]) if name else ""


def stale_since(standings: Sequence[Standing], now_ms: int) -> int | None:
    """When alerts were judged last, if that was too long ago; 0 for never."""
    last = max((one.evaluated_at for one in standings), default=0)
    return last if now_ms - last > STALE_AFTER_MS else None


def news_of(alerts: Sequence[AlertView]) -> str:
    """What is read out when it changes: what fires."""
    firing = [one.title for one in alerts if one.episode is not None]
    if not firing:
        return "No active alerts."
    return f"{len(firing)} firing: {'; '.join(firing)}."


def silence_of(rule: str, label: str, silences: Sequence[Silence]) -> Silence | None:
    """The silence of this alert that lasts longest; label "" asks for all of the rule."""
    found = [
        one for one in silences if one.rule in ("", rule) and one.label in ("", label)
    ]
    return max(found, key=lambda one: one.until_at, default=None)


def cause_of(rule: str, topic: About) -> tuple[str, str]:
    """Where the reason can be seen: words, and the path below the prefix; "" for nowhere."""
    words = _CAUSES.get(rule, "Trends")
    return ("", "") if topic.link_path == _NO_CAUSE else (words, topic.link_path)


def is_loud(standing: Standing) -> bool:
    """Is there more to tell of this alert than its rule's line does?"""
    return standing.firing or standing.state in _LOUD


def is_unjudged(standing: Standing) -> bool:
    """Is it not judged at all, as something is switched off?"""
    return standing.state is AlertState.NO_DATA and not standing.missing


def _alert_view(
    one: Standing,
    topic: About,
    values: Mapping[str, float],
    silences: Sequence[Silence],
    holds: DayLimit | None,
) -> AlertView:
    rule = RULES[one.rule]
    chip, tone = _chip(one)
    episode = one.episode if one.firing else None
    acked = episode if episode and episode.acked_at is not None else None
    return AlertView(
        rule=one.rule,
        label=one.label,
        title=shorten(topic.title, TEXT),
        chip=chip,
        tone=tone,
        sentence=shorten(one.sentence, TEXT),
        measured=_measured(rule, one.value, values, holds),
        moments=tuple(_moments(one, values)),
        cause=cause_of(one.rule, topic),
        is_urgent=one.firing or one.state is AlertState.PENDING,
        episode=episode.id if episode else None,
        acknowledged=_acknowledged(acked.acked_by, acked.ack_note) if acked else "",
        acknowledged_at=acked.acked_at if acked else None,
        silence=silence_of(one.rule, one.label, silences),
    )


def _rule_view(
    rule: Rule,
    standings: Sequence[Standing],
    values: Mapping[str, float],
    silences: Sequence[Silence],
    holds: DayLimit | None,
    *,
    is_changed: bool,
) -> RuleView:
    chip, tone, words = _state_words(rule, standings, values, holds)
    return RuleView(
        rule=rule.name,
        title=rule.title,
        meaning=meaning_of(rule, values),
        chip=chip,
        tone=tone,
        words=words,
        is_changed=is_changed,
        silence=silence_of(rule.name, "", silences),
    )


def without_data(rules: Sequence[RuleView]) -> int:
    """How many rules cannot say whether all is well."""
    return sum(one.chip == _CHIPS[AlertState.NO_DATA][0] for one in rules)


def _state_words(
    rule: Rule,
    standings: Sequence[Standing],
    values: Mapping[str, float],
    holds: DayLimit | None,
) -> tuple[str, str, str]:
    """Chip, its tone, and what is said beside it."""
    if not values.get("enabled", 1):
        return "Off", "quiet", "Nobody judges it."
    worst = min(standings, key=_badness, default=None)
    if worst is None:
        if rule.labelled:
            return "OK", "good", "Nothing of the kind now."
        return "Not judged", "quiet", "It was never judged so far."
    chip, tone = _chip(worst)
    firing = sum(one.firing for one in standings)
    if firing > 1:
        return chip, tone, f"{firing} alerts fire, see above."
    if worst.state is AlertState.INACTIVE:
        words = _measured(rule, worst.value, values, holds)
        return chip, tone, words or shorten(worst.sentence, TEXT)
    words = _measured(rule, worst.value, values, holds) if worst.firing else ""
    return chip, tone, words or shorten(worst.sentence, TEXT)


def _is_silent(one: Standing) -> bool:
    """Is there nothing to say that all is well by?"""
    return one.state is AlertState.INACTIVE and one.missing > 0


def _measured(
    rule: Rule,
    value: float | None,
    values: Mapping[str, float],
    holds: DayLimit | None,
) -> str:
    limit = amount(holds.value, _unit(rule)) if holds else limit_of(rule, values)
    if value is None or not limit:
        return ""
    why = f" ({holds.note})" if holds and holds.note else ""
    return f"{amount(round(value, 2), _unit(rule))}, limit {limit}{why}"


def _unit(rule: Rule) -> str:
    units = {threshold.name: threshold.unit for threshold in rule.thresholds}
    return next((units[name] for name in _LIMITS if name in units), "")


def _chip(one: Standing) -> tuple[str, str]:
    if one.firing:
        kind = "" if one.severity is Severity.WARNING else f" · {one.severity}"
        return f"Firing{kind}", _FIRING_TONES[one.severity]
    if is_unjudged(one):
        return "Not judged", "quiet"
    return _CHIPS[AlertState.NO_DATA if _is_silent(one) else one.state]


def _moments(one: Standing, values: Mapping[str, float]) -> list[Moment]:
    if one.firing and one.fired_at is not None:
        found = [
            Moment("since", one.fired_at, "clock"),
            Moment("", one.fired_at, "ago"),
        ]
        if one.state is AlertState.NO_DATA:
            found.append(Moment("no data, last judged", one.evaluated_at, "ago"))
        elif one.keep_since is not None:
            over = one.keep_since + round(values["keep"] * MINUTE_MS)
            found.append(Moment("it recovered; over", over, "due"))
        return found
    if one.state is AlertState.PENDING and one.active_at is not None:
        fires = one.active_at + round(values["for"] * MINUTE_MS)
        return [Moment("will fire", fires, "due")]
    if one.state is AlertState.RESOLVED and one.resolved_at is not None:
        return [Moment("", one.resolved_at, "ago")]
    return [Moment("last judged", one.evaluated_at, "ago")]


def _badness(one: Standing) -> tuple[int, int, str, str]:
    """Sorts worst first."""
    if one.firing:
        return 0, -one.severity.rank, one.rule, one.label
    place = _ORDER.index(one.state) if one.state in _ORDER else len(_ORDER)
    return 1 + place, -one.severity.rank, one.rule, one.label


def _acknowledged(by: str, note: str) -> str:
    who = shorten(by, NAME)
    return f"{who}: {shorten(note, TEXT)}" if note else who


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise
