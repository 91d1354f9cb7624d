"""Tracked errors: events, groups, counts, visitors, runs, how far sources were read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the error tracker."""
    _events()
    _groups()
    _counts("error_hour", "hour")
    _counts("error_day", "day")
    _struck()
    op.create_table(
        "error_scan",
        *_words("source"),
        *_instants("read_until", "read_from"),
        sa.PrimaryKeyConstraint("source", name="error_scan_pkey"),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _instants(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _events() -> None:
    op.create_table(
        "error_event",
        sa.Column("id", _number, nullable=False),
        *_words("event_id", "fingerprint"),
        *_instants("at", "received_at"),
        *_words("level", "origin", "kind", "type", "message", "action", "component"),
        *_words("job_name", "source", "run_id", "visitor"),
        *_instants("times"),
        *_words("body"),
        sa.PrimaryKeyConstraint("id", name="error_event_pkey"),
        sa.UniqueConstraint("event_id", name="error_event_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("error_event_group", "error_event", ["fingerprint", "at", "id"])
    op.create_index("error_event_at", "error_event", ["at", "id"])


def _groups() -> None:
    op.create_table(
        "error_group",
        *_words("fingerprint"),
        sa.Column("merged_into", _word),
        *_words("title", "type", "origin", "action", "component", "job_name"),
        *_instants("first_seen", "last_seen"),
        *_words("status"),
        *_instants("status_at"),
        *_words("status_by"),
        *_instants("visitors", "runs"),
        sa.PrimaryKeyConstraint("fingerprint", name="error_group_pkey"),
    )
    op.create_index("error_group_merged", "error_group", ["merged_into"])


def _counts(name: str, span: str) -> None:
    about = ["origin", "action", "component", "job_name"]
    op.create_table(
        name,
        *_words("fingerprint"),
        *_instants(span),
        *_words(*about),
        *_instants("events"),
        sa.PrimaryKeyConstraint("fingerprint", span, *about, name=f"{name}_pkey"),
    )
    op.create_index(f"{name}_at", name, [span, "fingerprint", "action", "events"])


def _struck() -> None:
    op.create_table(
        "error_visitor",
        *_words("fingerprint", "visitor"),
        *_instants("last_at"),
        sa.PrimaryKeyConstraint("fingerprint", "visitor", name="error_visitor_pkey"),
    )
    op.create_index("error_visitor_at", "error_visitor", ["last_at"])
    op.create_table(
        "error_run",
        *_words("fingerprint", "source", "run_id", "job_name"),
        *_instants("last_at"),
        sa.Column("retried_at", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "fingerprint", "source", "run_id", name="error_run_pkey"
        ),
    )
    op.create_index("error_run_group", "error_run", ["fingerprint", "last_at"])
    op.create_index("error_run_at", "error_run", ["last_at"])
