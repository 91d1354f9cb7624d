"""What viewers' pages tell of themselves, and what people report."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the telemetry."""
    op.create_table(
        "viewer_session",
        *_words("session", "visitor"),
        *_numbers("last_at"),
        *_words("counters"),
        sa.PrimaryKeyConstraint("session", name="viewer_session_pkey"),
    )
    op.create_index("viewer_session_at", "viewer_session", ["last_at"])
    op.create_table(
        "viewer_slot",
        *_numbers("slot"),
        *_words("visitor"),
        *_numbers("good_s", "stale_s", "disconnected_s", "faults"),
        sa.PrimaryKeyConstraint("slot", "visitor", name="viewer_slot_pkey"),
    )
    op.create_table(
        "viewing_slot",
        *_numbers("slot", "minutes", "good_minutes"),
        *_numbers("good_s", "stale_s", "disconnected_s", "faults"),
        sa.PrimaryKeyConstraint("slot", name="viewing_slot_pkey"),
    )
    op.create_table(
        "viewing_total",
        *_words("name", "label"),
        *_numbers("value"),
        sa.PrimaryKeyConstraint("name", "label", name="viewing_total_pkey"),
    )
    op.create_table(
        "heard",
        *_words("name"),
        *_numbers("at"),
        sa.PrimaryKeyConstraint("name", name="heard_pkey"),
    )
    _reports()


def _reports() -> None:
    op.create_table(
        "viewer_report",
        sa.Column("id", _number, nullable=False),
        *_words("report_id"),
        *_numbers("at"),
        *_words("visitor", "source", "category", "note", "record"),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="viewer_report_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("viewer_report_at", "viewer_report", ["at"])
    op.create_index("viewer_report_once", "viewer_report", ["report_id"], unique=True)


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
