"""Rollups of ninety days with histograms of run times; episodes found afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the rollups anew: they are read again from the job table."""
    op.drop_table("rollup_hour")
    op.drop_table("rollup_state")
    _rollup("hour")
    _rollup("day")
    op.create_table(
        "rollup_job",
        *_words("source", "job_name"),
        sa.PrimaryKeyConstraint("source", "job_name", name="rollup_job_pkey"),
    )
    op.create_table(
        "rollup_state",
        *_words("source"),
        *_numbers("generation", "refreshed_until", "backfilled_from"),
        sa.Column("complete", sa.Boolean, nullable=False),
        *_numbers("audited_hour", "episodes_from"),
        sa.PrimaryKeyConstraint("source", name="rollup_state_pkey"),
    )
    op.create_table(
        "baseline",
        *_words("source"),
        *_numbers("since", "until"),
        *_words("resolve_ms"),
        sa.PrimaryKeyConstraint("source", name="baseline_pkey"),
    )
    op.add_column(
        "stall_episode",
        sa.Column("origin", _word, nullable=False, server_default="watched"),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _rollup(span: str) -> None:
    op.create_table(
        f"rollup_{span}",
        *_words("source"),
        *_numbers(span),
        *_words("job_name", "status"),
        *_numbers("runs", "duration_ms", "wait_ms"),
        sa.Column("durations", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(
            "source", span, "job_name", "status", name=f"rollup_{span}_pkey"
        ),
    )
