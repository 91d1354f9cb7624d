"""Measures what the rules are about, judges it, and tells what became of alerts."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

from data.clock import SECOND_MS
from data.model import AlertNews
from data.snapshot import Source
from data.store import Store


class Teller(Protocol):
    """Whoever takes news of alerts to people."""

    def tell(self, event: AlertNews, now_ms: int) -> None:
        """Send it; the same again is sent once."""


class Preview(NamedTuple):
    """What a rule would have done in the last 30 days."""

    times: int
    #: (fired, resolved or now), oldest first
    spans: list[tuple[int, int]]
    #: (at, value in the rule's unit or None without samples), oldest first
    values: list[tuple[int, float | None]]
    #: what the values are held against; None where there is no one number
    limit: float | None
    unit: str


class Alerting:
    """A chore of the process that holds the lease."""

    name: Final = "alerts"
    every_ms: Final = 30 * SECOND_MS

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        teller: Teller | None = None,
        critical_jobs: Collection[str] = (),
        error_tracking: bool = True,
        stall_detection: bool = True,
    ) -> None:
        self._sources = sources
        self._store = store
        self._teller = teller
        self._critical = frozenset(critical_jobs)
        self._error_tracking = error_tracking
        self._stall_detection = stall_detection

    def do(self, now_ms: int) -> None:
        """Judge every rule and tell what is new. Raises DataError."""


def preview(
    store: Store,
    sources: Mapping[str, Source],
    rule: str,
    settings: Mapping[str, object],
    now_ms: int,
) -> Preview:
    """How often the rule would have fired in the last 30 days with these settings.

    Raises InvalidRequestError when a setting makes no sense.
    """
    del store, sources, rule, settings, now_ms
    return Preview(0, [], [], None, "")
