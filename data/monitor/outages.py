"""A source that cannot be read: one tracked error an outage, not one a read."""

from data.model import Snapshot
from data.tracking import track_error


class Outages:
    """Tells the first snapshot of each outage of one source."""

    def __init__(self) -> None:
        self._since: int | None = None

    def note(self, snapshot: Snapshot) -> None:
        """Track that the source went away; it coming back is no error."""
        since = snapshot.trouble.since if snapshot.trouble else None
        if snapshot.trouble and since != self._since:
            track_error(
                snapshot.trouble.message,
                action="loadActiveJobs",
                component="monitor",
                source=snapshot.source,
            )
        self._since = since
