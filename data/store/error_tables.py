"""The tables of the error tracker, as ``tables`` explains.

Every event is kept once, by the id it was born with. ``error_hour`` and ``error_day``
count all of them, those too that were only counted; lists and charts read these.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
)

from data.store.tables import metadata, number, word

error_event: Final = Table(
    "error_event",
    metadata,
    Column("id", number, nullable=False),
    Column("event_id", word, nullable=False),
    Column("fingerprint", word, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("level", word, nullable=False),
    Column("origin", word, nullable=False),
    Column("kind", word, nullable=False),
    Column("type", word, nullable=False),
    Column("message", word, nullable=False),
    Column("action", word, nullable=False),
    Column("component", word, nullable=False),
    Column("job_name", word, nullable=False),
    Column("source", word, nullable=False),
    Column("run_id", word, nullable=False),
    Column("visitor", word, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("body", word, nullable=False),
    PrimaryKeyConstraint("id", name="error_event_pkey"),
    UniqueConstraint("event_id", name="error_event_once"),
    Index("error_event_group", "fingerprint", "at", "id"),
    Index("error_event_at", "at", "id"),
    sqlite_autoincrement=True,
)

#: Errors that are the same error; one that was merged lives on in ``merged_into``.
error_group: Final = Table(
    "error_group",
    metadata,
    Column("fingerprint", word, nullable=False),
    Column("merged_into", word),
    Column("title", word, nullable=False),
    Column("type", word, nullable=False),
    Column("origin", word, nullable=False),
    Column("action", word, nullable=False),
    Column("component", word, nullable=False),
    Column("job_name", word, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("status", word, nullable=False),
    Column("status_at", BigInteger, nullable=False),
    Column("status_by", word, nullable=False),
    Column("visitors", BigInteger, nullable=False),
    Column("runs", BigInteger, nullable=False),
    #: of an older way of grouping: all it had is in the group it is merged into
    Column("retired", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("fingerprint", name="error_group_pkey"),
    Index("error_group_merged", "merged_into"),
)


def _counts(name: str, span: str) -> Table:
    return Table(
        name,
        metadata,
        Column("fingerprint", word, nullable=False),
        Column(span, BigInteger, nullable=False),
        Column("origin", word, nullable=False),
        Column("action", word, nullable=False),
        Column("component", word, nullable=False),
        Column("job_name", word, nullable=False),
        Column("source", word, nullable=False),
        Column("events", BigInteger, nullable=False),
        PrimaryKeyConstraint(
            "fingerprint",
            span,
            "origin",
            "action",
            "component",
            "job_name",
            "source",
            name=f"{name}_pkey",
        ),
        Index(f"{name}_at", span, "fingerprint", "action", "events"),
    )


#: Events of each group by hour and by day (UTC), by what they were about.
error_hour: Final = _counts("error_hour", "hour")
error_day: Final = _counts("error_day", "day")

#: Who met an error: a salted hash of the person, or of the browser's tab.
error_visitor: Final = Table(
    "error_visitor",
    metadata,
    Column("fingerprint", word, nullable=False),
    Column("visitor", word, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("fingerprint", "visitor", name="error_visitor_pkey"),
    Index("error_visitor_at", "last_at"),
)

#: Who met an error in which hour (UTC), and when within it.
error_met: Final = Table(
    "error_met",
    metadata,
    Column("fingerprint", word, nullable=False),
    Column("hour", BigInteger, nullable=False),
    Column("source", word, nullable=False),
    Column("visitor", word, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    PrimaryKeyConstraint(
        "fingerprint", "hour", "source", "visitor", name="error_met_pkey"
    ),
    Index("error_met_hour", "hour", "fingerprint"),
)

#: What the errors of a group are called, and how often: its commonest titles.
error_title: Final = Table(
    "error_title",
    metadata,
    Column("fingerprint", word, nullable=False),
    Column("title", word, nullable=False),
    Column("events", BigInteger, nullable=False),
    PrimaryKeyConstraint("fingerprint", "title", name="error_title_pkey"),
)

#: Which groups an older one was divided into; ``codes`` tell its parts apart.
error_regrouped: Final = Table(
    "error_regrouped",
    metadata,
    Column("old", word, nullable=False),
    Column("new", word, nullable=False),
    Column("codes", word, nullable=False),
    #: events that were moved
    Column("events", BigInteger, nullable=False),
    PrimaryKeyConstraint("old", "new", name="error_regrouped_pkey"),
)

#: How far the stored events have been regrouped for a version of the fingerprint.
error_regrouping: Final = Table(
    "error_regrouping",
    metadata,
    Column("version", word, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
    PrimaryKeyConstraint("version", name="error_regrouping_pkey"),
)

#: Which runs an error struck, and when they were run again from its page.
error_run: Final = Table(
    "error_run",
    metadata,
    Column("fingerprint", word, nullable=False),
    Column("source", word, nullable=False),
    Column("run_id", word, nullable=False),
    Column("job_name", word, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("retried_at", BigInteger),
    PrimaryKeyConstraint("fingerprint", "source", "run_id", name="error_run_pkey"),
    Index("error_run_group", "fingerprint", "last_at"),
    Index("error_run_at", "last_at"),
    Index("error_run_run", "source", "run_id"),
)

#: How far the failed runs of each source have been read.
error_scan: Final = Table(
    "error_scan",
    metadata,
    Column("source", word, nullable=False),
    Column("read_until", BigInteger, nullable=False),
    Column("read_from", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", name="error_scan_pkey"),
)
