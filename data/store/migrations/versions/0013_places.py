"""Since when a job type has rollups of its own, for places that are reserved late."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    since = sa.Column("since", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("rollup_job", since)
