"""Messages: channels, and what went through them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the messages."""
    op.create_table(
        "channel",
        sa.Column("id", _number, nullable=False),
        *_words("name", "url", "min_severity", "quiet"),
        sa.Column("enabled", sa.Boolean, nullable=False),
        *_numbers("made_at"),
        *_words("made_by"),
        sa.PrimaryKeyConstraint("id", name="channel_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "delivery",
        sa.Column("id", _number, nullable=False),
        *_words("channel", "key", "about", "kind", "severity", "title", "body"),
        *_words("state"),
        *_numbers("tries", "made_at", "due_at"),
        sa.Column("done_at", sa.BigInteger),
        *_words("holder", "problem"),
        sa.PrimaryKeyConstraint("id", name="delivery_pkey"),
        sa.UniqueConstraint("channel", "key", name="delivery_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("delivery_due", "delivery", ["state", "due_at"])
    op.create_index("delivery_made", "delivery", ["made_at"])
    op.create_index("delivery_about", "delivery", ["about"])


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
