"""The tables of the store, with one meaning on SQLite and PostgreSQL.

Instants are epoch milliseconds. Text is compared by code points on both, so that
order and equality agree. The migrations make these tables; a test compares.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

word: Final = Text().with_variant(Text(collation="C"), "postgresql")
#: SQLite numbers rows by itself only when the column is exactly INTEGER.
number: Final = BigInteger().with_variant(Integer(), "sqlite")

metadata: Final = MetaData()


def _rollup(span: str) -> Table:
    """Finished runs of each source: one row a span, job type and status."""
    return Table(
        f"rollup_{span}",
        metadata,
        Column("source", word, nullable=False),
        Column(span, BigInteger, nullable=False),
        Column("job_name", word, nullable=False),
        Column("status", word, nullable=False),
        Column("runs", BigInteger, nullable=False),
        Column("duration_ms", BigInteger, nullable=False),
        Column("wait_ms", BigInteger, nullable=False),
        #: a histogram of run times, see data.rules.histogram
        Column("durations", LargeBinary, nullable=False),
        #: runs by worker, see data.rules.by_worker
        Column("workers", word, nullable=False, server_default="{}"),
        PrimaryKeyConstraint(
            "source", span, "job_name", "status", name=f"rollup_{span}_pkey"
        ),
    )


rollup_hour: Final = _rollup("hour")
#: The same folded to days (UTC).
rollup_day: Final = _rollup("day")

#: Job types with rollups of their own; what comes beyond the cap is counted as "other".
rollup_job: Final = Table(
    "rollup_job",
    metadata,
    Column("source", word, nullable=False),
    Column("job_name", word, nullable=False),
    #: the first hour in which it has
    Column("since", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("source", "job_name", name="rollup_job_pkey"),
)

#: How far the rollups of each source have come.
rollup_state: Final = Table(
    "rollup_state",
    metadata,
    Column("source", word, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("refreshed_until", BigInteger, nullable=False),
    Column("backfilled_from", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("audited_hour", BigInteger, nullable=False),
    #: runs that took too long before somebody watched are known since then
    Column("episodes_from", BigInteger, nullable=False),
    #: hours since this one were counted as runs ended, and not read afterwards
    Column("counted_from", BigInteger, nullable=False, server_default="0"),
    #: runs that ended before this instant are counted, as far as they were committed
    Column("counted_until", BigInteger, nullable=False, server_default="0"),
    #: the newest hour of which rows of counted runs are missing in the source, 0 for none
    Column("rows_lost_at", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("source", name="rollup_state_pkey"),
)

#: The times runs spent as stalled; kept, because they cannot be recomputed.
stall_episode: Final = Table(
    "stall_episode",
    metadata,
    Column("id", number, nullable=False),
    Column("source", word, nullable=False),
    Column("run_id", word, nullable=False),
    Column("job_name", word, nullable=False),
    Column("run_started_at", BigInteger, nullable=False),
    Column("state", word, nullable=False),
    Column("rule", word, nullable=False),
    Column("limit_ms", BigInteger, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", word),
    #: "watched", or "durations": found afterwards, by how long the run took
    Column("origin", word, nullable=False, server_default="watched"),
    PrimaryKeyConstraint("id", name="stall_episode_pkey"),
    UniqueConstraint("source", "run_id", "run_started_at", name="stall_episode_run"),
    Index("stall_episode_seen", "source", "first_seen_at"),
    Index("stall_episode_ended", "source", "ended_at"),
    # of all sources: what alerts and /metrics ask
    Index("stall_episode_first", "first_seen_at"),
    Index("stall_episode_over", "ended_at"),
    Index("stall_episode_origin", "origin", "ended_at"),
)

#: What later incidents are compared with: how long each took, as JSON; kept once.
baseline: Final = Table(
    "baseline",
    metadata,
    Column("source", word, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("resolve_ms", word, nullable=False),
    PrimaryKeyConstraint("source", name="baseline_pkey"),
)

#: Who did what to which run; ``before`` and ``after`` are JSON objects.
audit: Final = Table(
    "audit",
    metadata,
    Column("id", number, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", word, nullable=False),
    Column("source", word, nullable=False),
    Column("action", word, nullable=False),
    Column("run_id", word, nullable=False),
    Column("job_name", word, nullable=False),
    Column("batch", word, nullable=False),
    Column("before", word, nullable=False),
    Column("after", word, nullable=False),
    Column("outcome", word, nullable=False),
    Column("detail", word, nullable=False),
    Column("undo_of", word),
    PrimaryKeyConstraint("id", name="audit_pkey"),
    Index("audit_at", "at", "id"),
    Index("audit_batch", "batch"),
    Index("audit_undo_of", "undo_of"),
    sqlite_autoincrement=True,
)

#: Which process does what must be done once.
lease: Final = Table(
    "lease",
    metadata,
    Column("name", word, nullable=False),
    Column("holder", word, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", name="lease_pkey"),
)

#: When this store was first looked after: one row.
store_made: Final = Table(
    "store_made",
    metadata,
    Column("id", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id", name="store_made_pkey"),
)
