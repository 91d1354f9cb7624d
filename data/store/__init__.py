"""Job Manager's own database: what it learnt, did, and owes to nobody else's tables.

SQLite by default, PostgreSQL when several hosts share it; one module a concern.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from data.clock import DAY_MS
from data.db import Database
from data.deadlines import patient
from data.exceptions import DataError, SourceUnavailableError
from data.store.alerts import AlertLog
from data.store.audit import AuditLog
from data.store.episodes import EpisodeLog
from data.store.error_regrouping import Regrouping
from data.store.errors import ErrorLog
from data.store.incidents import IncidentLog
from data.store.lease import Leases
from data.store.messages import MessageLog
from data.store.migrate import migrate, version_words
from data.store.rollups import LEAST_KEPT_MS, Rollups
from data.store.tables import lease, store_made
from data.store.tallies import Tallies
from data.store.trends import TrendLog
from data.store.upserts import insert_into
from data.store.viewing import ViewingLog

__all__ = ["RETENTION_MS", "Store", "open_store", "store_version"]

#: How long things are kept when nobody says otherwise.
RETENTION_MS: Final = 90 * DAY_MS

#: What the rules of alerts read is kept for so long at least: stalled runs of 28 days
#: before the present one, and what viewers saw in 3 days before the last 6 hours.
EPISODES_LEAST_MS: Final = 30 * DAY_MS
TELEMETRY_LEAST_MS: Final = 4 * DAY_MS
#: Groups of errors, so that one which returns is not new.
ERROR_GROUPS_LEAST_MS: Final = 30 * DAY_MS

#: How long one statement that forgets may take, in seconds.
_PRUNE_LIMIT_S: Final = 600.0
_DIALECTS: Final = ("sqlite", "postgresql")
_SECRETS: Final = ("password", "sslpassword")


@dataclass(frozen=True, kw_only=True)
class Store:
    """The store, open and of this program's version; may be shared by threads."""

    database: Database
    rollups: Rollups
    trends: TrendLog
    incidents: IncidentLog
    episodes: EpisodeLog
    audit: AuditLog
    errors: ErrorLog
    regrouping: Regrouping
    viewing: ViewingLog
    alerts: AlertLog
    messages: MessageLog
    tallies: Tallies
    leases: Leases

    def problem(self) -> str:
        """Why the store does not answer, or could not be written; "" while it can."""
        try:
            self.database.fetch(select(lease.c.name).limit(1))
        except DataError as error:
            return str(error)
        return self.database.write_problem

    def made_at(self, now_ms: int) -> int:
        """When this store was first looked after, which is now at the first call."""
        insert = insert_into(store_made, self.database.dialect)
        first = insert.values(id=1, at=now_ms).on_conflict_do_nothing()
        with self.database.writing() as connection:
            connection.execute(first)
            return int(connection.execute(select(store_made.c.at)).scalar_one())

    @patient(_PRUNE_LIMIT_S)
    def prune(self, now_ms: int, retention_ms: int) -> dict[str, int]:
        """Forget what is older than the retention; days of rollups are kept for longer.

        What the rules of alerts compare with is kept for as long as they read it.

        Returns how many rows were forgotten of each kind.
        """
        self.tallies.fold(now_ms - min(DAY_MS, retention_ms))
        episodes_ms = max(retention_ms, EPISODES_LEAST_MS)
        groups_ms = max(retention_ms, ERROR_GROUPS_LEAST_MS)
        telemetry_ms = max(retention_ms, TELEMETRY_LEAST_MS)
        return {
            "rollups": self.rollups.prune(now_ms),
            "episodes": self.episodes.prune(now_ms - episodes_ms, now_ms),
            "audit": self.audit.prune(now_ms - retention_ms),
            "errors": self.errors.prune(
                now_ms - retention_ms, groups_before_ms=now_ms - groups_ms
            ),
            "telemetry": self.viewing.prune(now_ms - telemetry_ms),
            "alerts": self.alerts.prune(now_ms - retention_ms),
            "messages": self.messages.prune(now_ms - retention_ms),
            "leases": self.leases.prune(now_ms),
        }

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


def open_store(
    url: str,
    *,
    retention_ms: int = RETENTION_MS,
    sources: Collection[str] = (),
    critical_jobs: Collection[str] = (),
) -> Store:
    """The store at ``url``, made or brought up to date when it has to be.

    ``retention_ms`` says how far back the rollups are to go by the hour. ``sources`` are
    those that are configured: what is kept of others is not of all sources any more,
    unless another program reads them. ``critical_jobs`` are counted one by one however
    many job types there are. Raises SourceUnavailableError, which names the URL without
    its password.
    """
    place = _parsed(url)
    database = Database(url, name="store", owned=True)
    try:
        migrate(database)
    except DataError as error:
        database.close()
        message = f"The store {_shown(place)} cannot be used. {error}"
        raise SourceUnavailableError(message) from error
    kept_ms = max(retention_ms, LEAST_KEPT_MS)
    trends = TrendLog(database, kept_ms=kept_ms, sources=sources)
    return Store(
        database=database,
        rollups=Rollups(database, kept_ms=kept_ms, own=critical_jobs),
        trends=trends,
        incidents=IncidentLog(database, trends),
        episodes=EpisodeLog(database),
        audit=AuditLog(database),
        errors=ErrorLog(database),
        regrouping=Regrouping(database),
        viewing=ViewingLog(database),
        alerts=AlertLog(database),
        messages=MessageLog(database),
        tallies=Tallies(database),
        leases=Leases(database),
    )


def store_version(url: str) -> str:
    """What is known of the store at ``url`` without changing it: a sentence.

    Raises DataError when it cannot be used.
    """
    place = _parsed(url)
    database = Database(url, name="store", owned=True)
    try:
        if database.path is not None and not database.path.exists():
            return f"The store {_shown(place)} will be made at the first start."
        with database.writing() as connection:
            return version_words(connection)
    finally:
        database.close()


def _parsed(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        message = (
            "The store's URL cannot be read. It looks like sqlite:///job-manager.db."
        )
        raise SourceUnavailableError(message) from None
    if place.get_backend_name() not in _DIALECTS:
        message = f"The store {_shown(place)} is neither sqlite nor postgresql."
        raise SourceUnavailableError(message)
    return place


def _shown(url: URL) -> str:
    """The URL for people: a password may stand in the query as well."""
    return url.difference_update_query(_SECRETS).render_as_string(hide_password=True)
