"""What viewers' pages tell of themselves: seconds, links that broke, reports."""

from typing import Final

from sqlalchemy import delete

from data.db import Database
from data.store.viewing_tables import (
    viewer_report,
    viewer_session,
    viewer_slot,
    viewing_slot,
)

_OLD: Final = (
    viewer_session.c.last_at,
    viewer_slot.c.slot,
    viewing_slot.c.slot,
    viewer_report.c.at,
)


class ViewingLog:
    """The telemetry of all viewers."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def prune(self, before_ms: int) -> int:
        """Forget what was told before then; how many rows."""
        with self._db.writing() as connection:
            return sum(
                connection.execute(delete(at.table).where(at < before_ms)).rowcount
                for at in _OLD
            )
