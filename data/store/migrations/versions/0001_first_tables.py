"""Rollups by hour, stalled episodes, audit, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    _rollups()
    _episodes()
    _audit()
    _leases()


def _rollups() -> None:
    op.create_table(
        "rollup_hour",
        sa.Column("source", _word, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("job_name", _word, nullable=False),
        sa.Column("status", _word, nullable=False),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("wait_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "source", "hour", "job_name", "status", name="rollup_hour_pkey"
        ),
    )
    op.create_table(
        "rollup_state",
        sa.Column("source", _word, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("refreshed_until", sa.BigInteger, nullable=False),
        sa.Column("backfilled_from", sa.BigInteger, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("audited_hour", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source", name="rollup_state_pkey"),
    )


def _episodes() -> None:
    op.create_table(
        "stall_episode",
        sa.Column("id", _number, nullable=False),
        sa.Column("source", _word, nullable=False),
        sa.Column("run_id", _word, nullable=False),
        sa.Column("job_name", _word, nullable=False),
        sa.Column("run_started_at", sa.BigInteger, nullable=False),
        sa.Column("state", _word, nullable=False),
        sa.Column("rule", _word, nullable=False),
        sa.Column("limit_ms", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("outcome", _word),
        sa.PrimaryKeyConstraint("id", name="stall_episode_pkey"),
        sa.UniqueConstraint(
            "source", "run_id", "run_started_at", name="stall_episode_run"
        ),
    )
    op.create_index("stall_episode_seen", "stall_episode", ["source", "first_seen_at"])
    op.create_index("stall_episode_ended", "stall_episode", ["source", "ended_at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _number, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", _word, nullable=False),
        sa.Column("source", _word, nullable=False),
        sa.Column("action", _word, nullable=False),
        sa.Column("run_id", _word, nullable=False),
        sa.Column("job_name", _word, nullable=False),
        sa.Column("batch", _word, nullable=False),
        sa.Column("before", _word, nullable=False),
        sa.Column("after", _word, nullable=False),
        sa.Column("outcome", _word, nullable=False),
        sa.Column("detail", _word, nullable=False),
        sa.Column("undo_of", _word),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at", "id"])
    op.create_index("audit_batch", "audit", ["batch"])
    op.create_index("audit_undo_of", "audit", ["undo_of"])


def _leases() -> None:
    op.create_table(
        "lease",
        sa.Column("name", _word, nullable=False),
        sa.Column("holder", _word, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="lease_pkey"),
    )
