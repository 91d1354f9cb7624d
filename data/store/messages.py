"""Messages: the channels they go through, and each one that was sent."""

from sqlalchemy import delete

from data.db import Database
from data.store.message_tables import delivery


class MessageLog:
    """Channels and deliveries."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def prune(self, before_ms: int) -> int:
        """Forget deliveries that were made before then; how many."""
        with self._db.writing() as connection:
            old = delete(delivery).where(delivery.c.made_at < before_ms)
            return connection.execute(old).rowcount
