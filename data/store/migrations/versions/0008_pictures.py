"""A picture may go with a message."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the picture to what is delivered."""
    op.add_column("delivery", sa.Column("picture", sa.LargeBinary()))
