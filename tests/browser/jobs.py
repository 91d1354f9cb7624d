"""The job table of a story, as its application writes it."""

from datetime import timedelta
from typing import Any

from data.clock import MINUTE_MS, Clock, now_ms, to_duration_ms
from tests.factories import JobTable, make_run


class Jobs:
    """Rows of a real native table, by the clock of the story."""

    def __init__(self, table: JobTable, clock: Clock) -> None:
        self.table = table
        self.clock = clock

    @property
    def url(self) -> str:
        return self.table.url

    @property
    def now(self) -> int:
        return now_ms(self.clock)

    def running(
        self, name: str = "send-mail", *, minutes: float = 1, **changes: Any
    ) -> str:
        """A run that has been RUNNING for that long; its id."""
        return self.table.add(self.row(name, minutes=minutes, **changes))[0]

    def stalled(self, name: str = "resize-images", **changes: Any) -> str:
        return self.running(name, **{"minutes": 47, **changes})

    def pending(self, name: str = "send-mail", **changes: Any) -> str:
        waiting = {"status": "PENDING", "started_at": None, "worker": None}
        return self.running(name, **{**waiting, **changes})

    def row(self, name: str, *, minutes: float = 1, **changes: Any) -> dict[str, Any]:
        started = self.now - int(minutes * MINUTE_MS)
        instants = {"started_at": started, "enqueued_at": started - 1000}
        return make_run(**{"job_name": name, **instants, **changes})

    def succeed(self, *run_ids: str) -> None:
        self.table.change(*run_ids, status="SUCCEEDED", finished_at=self.now)

    def beat(self, *run_ids: str) -> None:
        self.table.change(*run_ids, heartbeat_at=self.now)

    def of(self, run_id: str) -> dict[str, Any]:
        return self.table.row(run_id)

    def ago(self, span: timedelta) -> int:
        return self.now - to_duration_ms(span)
