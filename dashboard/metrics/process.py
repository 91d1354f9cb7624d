"""What this process knows by itself; asking costs sources and store nothing."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dashboard.deps import Deps
from data.model import Anomaly, StallState


class ProcessMetrics(Collector):
    """The version, the open links, and the last snapshot of every source."""

    def __init__(self, deps: Deps, viewers: Callable[[], int], version: str) -> None:
        self._deps = deps
        self._viewers = viewers
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """All metrics, one family after the other."""
        info = InfoMetricFamily("jobmanager_build", "The running version.")
        info.add_metric([], {"version": self._version})
        yield info
        viewers = GaugeMetricFamily("jobmanager_ws_viewers", "Open live links.")
        viewers.add_metric([], self._viewers())
        yield viewers
        yield from self._sources()
        yield self._tasks()

    def _tasks(self) -> Metric:
        lag = GaugeMetricFamily(
            "jobmanager_task_lag_seconds",
            "How long ago a background task should have been done.",
            labels=["task", "source"],
        )
        for duty in self._deps.duties:
            lag.add_metric([duty.name, duty.source], duty.lag_s)
        return lag

    def _sources(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "jobmanager_source_up", "1 while the source answers.", labels=["source"]
        )
        reads = CounterMetricFamily(
            "jobmanager_source_reads", "Reads of the job table.", labels=["source"]
        )
        stalled = GaugeMetricFamily(
            "jobmanager_stalled_jobs", "Stalled runs.", labels=["source", "state"]
        )
        unjudged = GaugeMetricFamily(
            "jobmanager_unjudged_runs",
            "Open runs that could not be judged.",
            labels=["source", "reason"],
        )
        for name, source in self._deps.sources.items():
            snapshot = source.reader.latest
            is_up = snapshot.read_at is not None and not snapshot.trouble
            up.add_metric([name], float(is_up))
            reads.add_metric([name], source.reader.reads)
            states = Counter(v.state for v in snapshot.judgement.verdicts.values())
            for state in StallState:
                stalled.add_metric([name, state], states[state])
            reasons = Counter(snapshot.judgement.anomalies.values())
            for reason in Anomaly:
                unjudged.add_metric([name, reason], reasons[reason])
        yield from (up, reads, stalled, unjudged)
