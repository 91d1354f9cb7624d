"""Indexes for what is asked of all sources at once."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make them."""
    op.create_index("stall_episode_first", "stall_episode", ["first_seen_at"])
    op.create_index("stall_episode_over", "stall_episode", ["ended_at"])
    op.create_index("stall_episode_origin", "stall_episode", ["origin", "ended_at"])
    op.create_index("error_run_run", "error_run", ["source", "run_id"])
