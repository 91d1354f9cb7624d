"""The editor of a rule: its fields, what is wrong with one, what a preview says."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.format import count, duration
from data.clock import DAY_MS
from data.exceptions import InvalidRequestError
from data.monitor.previews import PREVIEW_MS, Preview
from data.rules.alarms import Rule, Threshold, checked_value

#: The threshold that is a switch and no field.
ENABLED: Final = "enabled"
#: What a field's own words are; the unit stands in brackets.
_UNITS: Final = {"%": "%", "min": "minutes", "h": "hours", "times": "times"}


class FieldView(NamedTuple):
    """A threshold as a field."""

    name: str
    words: str
    value: str
    #: "1 to 100, normally 5"
    allowed: str


def field_views(rule: Rule, values: Mapping[str, float]) -> list[FieldView]:
    """Every threshold that is typed."""
    return [
        FieldView(
            name=one.name,
            words=_words(one),
            value=f"{values[one.name]:.10g}",
            allowed=f"{one.low:,.10g} to {one.high:,.10g}, by itself {one.default:,.10g}",
        )
        for one in rule.thresholds
        if one.name != ENABLED
    ]


def faults_of(rule: Rule, typed: Mapping[str, object]) -> dict[str, str]:
    """What is wrong with single fields, by name; "" where nothing is."""
    return {
        one.name: _fault(rule, one, typed.get(one.name, one.default))
        for one in rule.thresholds
    }


def settings_of(
    names: Sequence[str], typed: Sequence[object], *, is_on: object
) -> dict[str, object]:
    """What is in the fields and the switch, by name of the threshold."""
    cleaned = [
        value.strip().replace(",", ".") if isinstance(value, str) else value
        for value in typed
    ]
    return {**dict(zip(names, cleaned, strict=False)), ENABLED: 1 if is_on else 0}


def preview_words(found: Preview, now_ms: int) -> str:
    """How often it would have fired, over the time that something is known of."""
    if not found.values:
        past = _often(found.times, "It did not fire", "It fired")
        return f"{past} in the last 30 days. Other numbers cannot be tried on the past."
    known = [at for at, value in found.values if value is not None]
    if not known:
        return "Nothing was measured in the last 30 days: there is nothing to go by."
    days = -(-(now_ms - known[0]) // DAY_MS)
    over = "30 days" if now_ms - known[0] > PREVIEW_MS - DAY_MS else _days(days)
    total = duration(sum(end - begin for begin, end in found.spans))
    said = _often(
        found.times,
        "this would not have fired",
        "this would have fired",
        f", {total} in all",
    )
    why = f" The limit now is {found.limit:g}: {found.why}." if found.why else ""
    return f"Over the last {over} {said}.{why}"


def _often(times: int, never: str, some: str, more: str = "") -> str:
    if not times:
        return never
    return f"{some} {'once' if times == 1 else f'{count(times)} times'}{more}"


def _fault(rule: Rule, threshold: Threshold, raw: object) -> str:
    try:
        checked_value(rule, threshold, raw)
    except InvalidRequestError:
        kind = "A whole number" if threshold.whole else "A number"
        return f"{kind} from {threshold.low:,g} to {threshold.high:,g}."
    return ""


def _words(threshold: Threshold) -> str:
    unit = _UNITS.get(threshold.unit, "")
    return f"{threshold.words} ({unit})" if unit else threshold.words


def _days(days: int) -> str:
    return "day" if days <= 1 else f"{days} days"
