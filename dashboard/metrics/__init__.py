"""What Prometheus reads: sources as this process knows them, the rest out of the store.

What the store tells is the same from every process. The names are in
``docs/telemetry.md``; no label holds an id, a person, an address or a message.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from dashboard.deps import Deps
from dashboard.metrics.knowing import Knowing
from dashboard.metrics.process import ProcessMetrics
from dashboard.metrics.stored import StoredMetrics


def registry(deps: Deps, viewers: Callable[[], int], version: str) -> CollectorRegistry:
    """A registry of its own, so that two apps in one process do not mix."""
    made = CollectorRegistry()
    made.register(ProcessMetrics(deps, viewers, version))
    made.register(StoredMetrics(Knowing(deps), deps.limits))
    return made
