"""What the store says now about each rule: read, measured and judged.

Only the store is asked, and what this process knows of its sources; never a job table.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Final
from urllib.parse import quote, unquote

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import JobState
from data.rules.alarms import RULES
from data.rules.alerts import Reading
from data.rules.judging import (
    Heard,
    Limits,
    NewGroup,
    judge_burn,
    judge_disconnects,
    judge_error_rate,
    judge_failures,
    judge_new_group,
    judge_silence,
    judge_source,
    judge_stalled_run,
    judge_stalls,
)
from data.rules.series import (
    QUARTER_MS,
    MinuteSeries,
    RunSeries,
    StallSeries,
    ViewerSeries,
    stalls_at,
)
from data.rules.stall_frequency import USUAL_DAYS
from data.snapshot import Source
from data.store import Store
from data.store.signs import (
    StallSpan,
    events_by_hour,
    failures_read_from,
    fresh_groups,
    is_surely_new,
    sources_read,
    stalled_between,
    stalled_since,
    stalls_of,
    visitors_since,
)
from data.store.texts import storable_key

#: By rule: the long and the short span over which minutes are counted.
BURN_SPANS: Final[Mapping[str, tuple[int, int]]] = {
    "UptimeBurnFast": (HOUR_MS, 5 * MINUTE_MS),
    "UptimeBurnMid": (6 * HOUR_MS, 30 * MINUTE_MS),
    "UptimeBurnSlow": (3 * DAY_MS, 6 * HOUR_MS),
}
#: How far before an instant the series must reach to be measured at it.
RUNS_BEFORE_MS: Final = 14 * DAY_MS
STALLS_BEFORE_MS: Final = (USUAL_DAYS + 1) * DAY_MS

Readings = dict[str, Reading]


class Measures:
    """Reads and judges one rule after the other, as of one instant."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        critical_jobs: Collection[str],
        now_ms: int,
    ) -> None:
        self._sources = sources
        self._store = store
        self._critical = critical_jobs
        self._now = now_ms
        self._by_rule: dict[str, Callable[[Limits, Collection[str]], Readings]] = {
            "WsDisconnectRate": self._disconnects,
            "StalledFrequency": self._stalls,
            "ErrorRateWoW": self._error_rate,
            "NewErrorGroup": self._new_groups,
            "TelemetryDead": self._silence,
            "CriticalStalled": self._critical_stalls,
            "CriticalFailed": self._critical_failures,
            "SourceDown": self._sources_down,
            **{rule: partial(self._burn, rule) for rule in BURN_SPANS},
        }

    def readings(self, rule: str, limits: Limits, known: Collection[str]) -> Readings:
        """What the rule makes of now, by label; ``known`` are labels that stood before.

        A label that is missing has no cause any more. Raises DataError.
        """
        return self._by_rule[rule](limits, known)

    def _disconnects(self, limits: Limits, _known: Collection[str]) -> Readings:
        since = self._now - 2 * QUARTER_MS
        series = viewer_series(self._store, since, self._now + 1)
        return {"": judge_disconnects(series.at(self._now), limits)}

    def _stalls(self, limits: Limits, _known: Collection[str]) -> Readings:
        among = self._store.trends.is_not_gone
        counted = partial(stalled_between, self._store.database, among=among)
        known_since = self._store.trends.known_since("")
        return {"": judge_stalls(stalls_at(counted, self._now, known_since), limits)}

    def _error_rate(self, limits: Limits, _known: Collection[str]) -> Readings:
        series = run_series(self._store, self._now, self._now)
        return {"": judge_error_rate(series.at(self._now), limits)}

    def _burn(self, rule: str, limits: Limits, _known: Collection[str]) -> Readings:
        long_ms, short_ms = BURN_SPANS[rule]
        since = self._now - long_ms - MINUTE_MS * 5
        minutes = minute_series(self._store, since, self._now + 1)
        found = minutes.at(self._now, long_ms, short_ms)
        return {"": judge_burn(found, limits, RULES[rule].severity)}

    def _silence(self, limits: Limits, _known: Collection[str]) -> Readings:
        at = self._store.viewing.heard()
        heard = Heard(at.get("page"), at.get("telemetry"))
        return {"": judge_silence(heard, limits, self._now)}

    def _new_groups(self, limits: Limits, known: Collection[str]) -> Readings:
        database, now = self._store.database, self._now
        quiet_ms = int(limits["quiet"] * HOUR_MS)
        groups = fresh_groups(database, now - max(DAY_MS, quiet_ms), known)
        names = [group.fingerprint for group in groups]
        events = events_by_hour(database, names, now - HOUR_MS)
        people = visitors_since(database, names, now - HOUR_MS)
        read_from = failures_read_from(database, self._sources)
        return {
            group.fingerprint: judge_new_group(
                NewGroup(
                    group.title,
                    group.status,
                    group.last_seen,
                    people.get(group.fingerprint, 0),
                    max(events.get(group.fingerprint, {}).values(), default=0),
                    is_surely_new(group, now, read_from),
                ),
                limits,
                now,
            )
            for group in groups
        }

    def _critical_stalls(self, _limits: Limits, _known: Collection[str]) -> Readings:
        database = self._store.database
        there = {*self._sources, *sources_read(database, self._now - HOUR_MS)}
        return stalled_runs(
            span
            for span in stalls_of(database, self._critical, self._now)
            if not span.until and span.source in there
        )

    def _critical_failures(self, limits: Limits, _known: Collection[str]) -> Readings:
        since = self._now - self._now % HOUR_MS - HOUR_MS
        found: Readings = {}
        read = sources_read(self._store.database, since)
        for source in sorted({*self._sources, *read}):
            for job in sorted(self._critical):
                cells = self._store.trends.hours(source, since, self._now + 1, job)
                failed = sum(c.runs for c in cells if c.status is JobState.FAILED)
                if failed:
                    found[label_of(source, job)] = judge_failures(job, failed, limits)
        return found

    def _sources_down(self, _limits: Limits, _known: Collection[str]) -> Readings:
        found: Readings = {}
        for name, source in self._sources.items():
            if trouble := source.reader.latest.trouble:
                down_ms = max(0, self._now - trouble.since)
                found[name] = judge_source(source.label, trouble.message, down_ms)
        return found


def label_of(source: str, job_name: str) -> str:
    """What an alert about a job type of a source is called, fit to be a key."""
    return storable_key(f"{source}/{job_name}")


def run_label_of(source: str, run_id: str, job_name: str) -> str:
    """What an alert about one run is called; ``named_by`` reads it."""
    return label_of(f"{source}/{quote(run_id, safe='')}", job_name)


def named_by(label: str) -> tuple[str, str, str]:
    """Source, id of the run, and job type of ``run_label_of``."""
    source, _, rest = label.partition("/")
    run_id, _, job_name = rest.partition("/")
    return source, unquote(run_id), job_name


def stalled_runs(spans: Iterable[StallSpan]) -> Readings:
    """One reading a run."""
    return {
        run_label_of(*names): judge_stalled_run(span.job_name, span.run_id)
        for span in spans
        for names in [(span.source, span.run_id, span.job_name)]
    }


def viewer_series(store: Store, since: int, until: int) -> ViewerSeries:
    """Viewers of the quarters of an hour that touch the span."""
    first = since - since % QUARTER_MS
    return ViewerSeries(store.viewing.users_by(first, until, QUARTER_MS))


def minute_series(store: Store, since: int, until: int) -> MinuteSeries:
    """Viewers' minutes in the span."""
    slots = store.viewing.slots(since, until)
    return MinuteSeries([(one.slot, one.minutes, one.good_minutes) for one in slots])


def stall_series(store: Store, since: int) -> StallSeries:
    """Stalled runs, to be measured from ``since`` on."""
    first = since - STALLS_BEFORE_MS
    instants = stalled_since(store.database, first, store.trends.is_not_gone)
    return StallSeries(instants, store.trends.known_since(""))


def run_series(store: Store, since: int, until: int) -> RunSeries:
    """Finished runs of all sources, to be measured in this span."""
    first = since - RUNS_BEFORE_MS
    runs = store.trends.judged("", first, until + 1, HOUR_MS)
    return RunSeries(
        runs.get(JobState.FAILED, {}),
        runs.get(JobState.SUCCEEDED, {}),
        _rated_since(store),
    )


def _rated_since(store: Store) -> int | None:
    """Since when error rates of all sources can be told by the hour."""
    hours = store.trends.hours_since("")
    return None if hours is None else max(hours, store.trends.rates_from("") or 0)
