"""Since when runs are counted as they end, and whether the source deletes them early."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_HOUR_MS = 3_600_000
_state = sa.table(
    "rollup_state",
    sa.column("refreshed_until", sa.BigInteger),
    sa.column("counted_from", sa.BigInteger),
    sa.column("counted_until", sa.BigInteger),
)


def upgrade() -> None:
    """Add the columns; until now every hour may have been read long after it was over."""
    for name in ("counted_from", "counted_until", "rows_lost_at"):
        op.add_column(
            "rollup_state",
            sa.Column(name, sa.BigInteger, nullable=False, server_default="0"),
        )
    until = _state.c.refreshed_until
    next_hour = until - until % _HOUR_MS + _HOUR_MS
    op.execute(_state.update().values(counted_from=next_hour, counted_until=next_hour))
