"""Which workers ended the runs of a cell; of older hours the audit asks in its turn."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the workers to the rollups."""
    for table in ("rollup_hour", "rollup_day"):
        op.add_column(
            table, sa.Column("workers", _word, nullable=False, server_default="{}")
        )
