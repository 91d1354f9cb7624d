"""Leases: of all processes one does what must be done once."""

from typing import Final

from sqlalchemy import delete, or_

from data.clock import DAY_MS, HOUR_MS
from data.db import Database
from data.store.tables import lease
from data.store.upserts import insert_into

#: A lease that ends later than any clock could have meant is nobody's.
_CLOCK_ERROR_MS: Final = HOUR_MS
#: No lease is taken for longer.
_LONGEST_MS: Final = DAY_MS


class Leases:
    """Leases by name, each with one holder at a time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def acquire(self, name: str, holder: str, now_ms: int, ttl_ms: int) -> bool:
        """Take or renew the lease for ``ttl_ms``; False while somebody else holds it.

        One statement decides, so two can never hold it. Hosts that share a store
        need clocks that agree to well within ``ttl_ms``.
        """
        insert = insert_into(lease, self._db.dialect)
        wanted = insert.values(name=name, holder=holder, expires_at=now_ms + ttl_ms)
        statement = wanted.on_conflict_do_update(
            index_elements=[lease.c.name],
            set_={"holder": holder, "expires_at": now_ms + ttl_ms},
            where=or_(
                lease.c.holder == holder,
                lease.c.expires_at <= now_ms,
                lease.c.expires_at > now_ms + ttl_ms + _CLOCK_ERROR_MS,
            ),
        ).returning(lease.c.name)
        with self._db.writing() as connection:
            return connection.execute(statement).first() is not None

    def release(self, name: str, holder: str) -> None:
        """Give the lease up at once; nothing happens when ``holder`` has it no more."""
        statement = delete(lease).where(lease.c.name == name, lease.c.holder == holder)
        with self._db.writing() as connection:
            connection.execute(statement)

    def prune(self, now_ms: int) -> int:
        """Forget leases of those who died before they gave them up; how many.

        For an hour after its end a lease is left alone: clocks may differ.
        """
        c = lease.c
        dead = or_(
            c.expires_at < now_ms - _CLOCK_ERROR_MS,
            c.expires_at > now_ms + _LONGEST_MS + _CLOCK_ERROR_MS,
        )
        with self._db.writing() as connection:
            return connection.execute(delete(lease).where(dead)).rowcount
