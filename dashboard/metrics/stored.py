"""What the store knows, as metrics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dashboard.metrics.knowing import DROP_REASONS, Knowing
from data.model import AlertState, GroupStatus
from data.rules.alarms import RULES
from data.rules.alerts import Standing
from data.rules.stalls import StallLimits
from data.rules.viewing import BUCKETS_S
from data.store.sums import Sums
from data.store.tallies import JOB_TYPES, OTHER, RESOLVED_S, Tally, cumulative

_STATES: Final = {AlertState.PENDING: 1, AlertState.FIRING: 2}
#: A link that broke without a word: told of before there was any.
_CLOSED: Final = "1006"


class StoredMetrics(Collector):
    """The same from every process; without the store what it told last."""

    def __init__(self, knowing: Knowing, limits: StallLimits) -> None:
        self._knowing = knowing
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """All metrics, one family after the other."""
        known, is_up = self._knowing.last()
        yield _gauge("store_up", "1 while the store answers.", {"": float(is_up)})
        yield _limits(self._limits)
        if known is None:
            return
        yield from _viewing(known.tally)
        yield from _errors(known.tally)
        yield from _episodes(known.tally.sums)
        yield _alerts(known.standings)


def _viewing(tally: Tally) -> Iterator[Metric]:
    sums = tally.sums
    yield _gauge("sessions", "Tabs that are being looked at.", {"": tally.sessions})
    yield _counter(
        "session_seconds",
        "Seconds in which a page was visible, by how fresh its data was.",
        dict.fromkeys(("good", "stale", "disconnected"), 0) | _of(sums, "seconds"),
        "quality",
    )
    yield _counter(
        "session_minutes",
        "Visible minutes, good and bad.",
        dict.fromkeys(("good", "bad"), 0) | _of(sums, "minutes"),
        "quality",
    )
    heard = {name: at / 1000 for name, at in tally.heard.items()}
    yield _gauge(
        "heard_timestamp_seconds",
        "When a browser asked for a page last, and when a tab told of itself.",
        heard,
        "what",
    )
    yield from _links(sums)


def _links(sums: Sums) -> Iterator[Metric]:
    yield _counter(
        "ws_disconnects",
        "Links that broke in view and were not back within 10 s.",
        {_CLOSED: 0} | _of(sums, "faults"),
        "reason",
    )
    tries = {"": sums.get(("attempts", ""), 0)}
    yield _counter("ws_reconnect_attempts", "Tries to connect again.", tries)
    words = "How long a broken link took to be back."
    yield _histogram("ws_reconnect_seconds", words, sums, "reconnect", BUCKETS_S)
    words = "Age of the last message, looked at each visible second."
    yield _histogram("last_message_age_seconds", words, sums, "age", BUCKETS_S)


def _errors(tally: Tally) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "jobmanager_errors", "Tracked errors.", labels=["source", "level", "action"]
    )
    for label, times in sorted(_of(tally.sums, "errors").items()):
        errors.add_metric(label.split(" "), times)
    yield errors
    groups = {status.value: tally.groups.get(status, 0) for status in GroupStatus}
    yield _gauge("error_groups", "Groups of errors.", groups, "status")
    dropped = dict.fromkeys(DROP_REASONS, 0) | _of(tally.sums, "dropped")
    yield _counter("tracker_dropped", "Errors that were not kept.", dropped, "reason")


def _episodes(sums: Sums) -> Iterator[Metric]:
    episodes = CounterMetricFamily(
        "jobmanager_stalled_episodes",
        "Runs that became stalled.",
        labels=["job_type", "state"],
    )
    for label, times in sorted(_of(sums, "episodes").items()):
        state, job_name = label.split(" ", 1)
        episodes.add_metric([job_name, state], times)
    yield episodes
    outcomes = _of(sums, "outcomes")
    yield _counter("stalled_outcomes", "How stalls ended.", outcomes, "outcome")
    words = "How long incidents took that are over: stalled runs, alerts that fired."
    yield _histogram("incident_resolution_seconds", words, sums, "resolved", RESOLVED_S)


def _limits(limits: StallLimits) -> Metric:
    """Types with a limit of their own by name; of all others the one that they share."""
    named = sorted(limits.by_type)[:JOB_TYPES]
    found = {name: limits.of(name) / 1000 for name in named}
    found[OTHER] = limits.default_ms / 1000
    return _gauge("stall_limit_seconds", "How long a run may take.", found, "job_type")


def _alerts(standings: Sequence[Standing]) -> Metric:
    """The worst of each rule; a rule that has no data tells nothing."""
    unknown = {one.rule for one in standings if one.state is AlertState.NO_DATA}
    worst = {rule: 0 for rule in RULES if rule not in unknown}
    for one in standings:
        if one.state in _STATES:
            worst[one.rule] = max(worst.get(one.rule, 0), _STATES[one.state])
    words = "Where an alert stands: 0 inactive, 1 pending, 2 firing."
    return _gauge("alert_state", words, worst, "alertname")


def _gauge(
    name: str, words: str, values: Mapping[str, float], label: str = ""
) -> Metric:
    """By one label; with no label one value, under ""."""
    found = GaugeMetricFamily(f"jobmanager_{name}", words, labels=[label] * bool(label))
    return _filled(found, values)


def _counter(
    name: str, words: str, values: Mapping[str, int], label: str = ""
) -> Metric:
    found = CounterMetricFamily(
        f"jobmanager_{name}", words, labels=[label] * bool(label)
    )
    return _filled(found, values)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]
) -> Metric:
    for value, number in sorted(values.items()):
        family.add_metric([value] if value else [], number)
    return family


def _histogram(
    name: str, words: str, sums: Sums, key: str, ends: Sequence[int]
) -> Metric:
    """Of the sums of that key; ``ends`` of its buckets in seconds."""
    counts = cumulative(sums, key, ends)
    names = [*(str(float(end)) for end in ends), "+Inf"]
    return HistogramMetricFamily(
        f"jobmanager_{name}",
        words,
        buckets=[*zip(names, counts, strict=True)],
        sum_value=sums.get((key, "sum_ms"), 0) / 1000,
    )


def _of(sums: Sums, name: str) -> dict[str, int]:
    """The sums of that name by label."""
    return {label: n for (found, label), n in sums.items() if found == name}
