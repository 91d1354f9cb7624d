"""Alerts: where each stands, what fired when, who was told to be quiet."""

from sqlalchemy import delete

from data.db import Database
from data.store.alert_tables import alert_episode, alert_silence


class AlertLog:
    """The alerts of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def prune(self, before_ms: int) -> int:
        """Forget episodes that were over before then; how many."""
        with self._db.writing() as connection:
            connection.execute(
                delete(alert_silence).where(alert_silence.c.until_at < before_ms)
            )
            old = delete(alert_episode).where(alert_episode.c.resolved_at < before_ms)
            return connection.execute(old).rowcount
