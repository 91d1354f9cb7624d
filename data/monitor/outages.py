"""A source that cannot be read: one tracked error an outage, not one a read."""

from data.model import Snapshot
from data.tracking import track_error


class Outages:
    """Tells the first snapshot of each outage of one source, and a new cause of it."""

    def __init__(self) -> None:
        self._told: tuple[int, type | None] | None = None

    def note(self, snapshot: Snapshot) -> None:
        """Track that the source went away; it coming back is no error."""
        trouble = snapshot.trouble
        if trouble is None:
            self._told = None
            return
        outage = (trouble.since, type(trouble.cause) if trouble.cause else None)
        if outage != self._told:
            track_error(
                trouble.cause or trouble.message,
                action="loadActiveJobs",
                component="monitor",
                source=snapshot.source,
            )
        self._told = outage
