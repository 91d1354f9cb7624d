"""Since when there is something to tell: a young store knows little of last week."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table; a store that has read a source before is old enough."""
    made = op.create_table(
        "store_made",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="store_made_pkey"),
    )
    was_used = sa.exists(
        sa.select(sa.literal_column("1")).select_from(sa.table("rollup_state"))
    )
    op.execute(
        made.insert().from_select(
            ["id", "at"], sa.select(sa.literal(1), sa.literal(0)).where(was_used)
        )
    )
