"""The tables of what viewers' pages tell of themselves, as ``tables`` explains.

A browser posts counters that only grow; what grew is spread over the time since it last
posted, so that minutes without a network arrive later instead of never.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
)

from data.store.tables import metadata, number, word

#: One tab: what it told last, as JSON.
viewer_session: Final = Table(
    "viewer_session",
    metadata,
    Column("session", word, nullable=False),
    Column("visitor", word, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("counters", word, nullable=False),
    PrimaryKeyConstraint("session", name="viewer_session_pkey"),
    Index("viewer_session_at", "last_at"),
)

#: One viewer in a quarter of an hour; seconds are those in which the page was visible.
viewer_slot: Final = Table(
    "viewer_slot",
    metadata,
    Column("slot", BigInteger, nullable=False),
    Column("visitor", word, nullable=False),
    Column("good_s", BigInteger, nullable=False),
    Column("stale_s", BigInteger, nullable=False),
    Column("disconnected_s", BigInteger, nullable=False),
    #: links that broke while the page was visible
    Column("faults", BigInteger, nullable=False),
    PrimaryKeyConstraint("slot", "visitor", name="viewer_slot_pkey"),
)

#: All viewers together in five minutes.
viewing_slot: Final = Table(
    "viewing_slot",
    metadata,
    Column("slot", BigInteger, nullable=False),
    #: minutes in which a page was visible, and how many of them were good
    Column("minutes", BigInteger, nullable=False),
    Column("good_minutes", BigInteger, nullable=False),
    Column("good_s", BigInteger, nullable=False),
    Column("stale_s", BigInteger, nullable=False),
    Column("disconnected_s", BigInteger, nullable=False),
    Column("faults", BigInteger, nullable=False),
    PrimaryKeyConstraint("slot", name="viewing_slot_pkey"),
)

#: Sums over all time, for /metrics: by name and by label ("1006", "le=5").
viewing_total: Final = Table(
    "viewing_total",
    metadata,
    Column("name", word, nullable=False),
    Column("label", word, nullable=False),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "label", name="viewing_total_pkey"),
)

#: When something was last heard of: "page" (a browser asked), "telemetry".
heard: Final = Table(
    "heard",
    metadata,
    Column("name", word, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", name="heard_pkey"),
)

#: "Something wrong?": what a person reported, with the freshness record of the tab.
viewer_report: Final = Table(
    "viewer_report",
    metadata,
    Column("id", number, nullable=False),
    Column("report_id", word, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("visitor", word, nullable=False),
    Column("source", word, nullable=False),
    Column("category", word, nullable=False),
    Column("note", word, nullable=False),
    Column("record", word, nullable=False),
    #: the record shows data that was too old
    Column("confirmed", Boolean, nullable=False),
    PrimaryKeyConstraint("id", name="viewer_report_pkey"),
    Index("viewer_report_at", "at"),
    Index("viewer_report_once", "report_id", unique=True),
    sqlite_autoincrement=True,
)
