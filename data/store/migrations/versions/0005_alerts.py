"""Alerts: changed rules, states, episodes, news, silences."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the alerts."""
    op.create_table(
        "alert_rule",
        *_words("rule", "settings"),
        *_numbers("changed_at"),
        *_words("changed_by"),
        sa.PrimaryKeyConstraint("rule", name="alert_rule_pkey"),
    )
    _states()
    _episodes()
    _news()
    op.create_table(
        "alert_silence",
        sa.Column("id", _number, nullable=False),
        *_words("rule", "label", "reason", "made_by"),
        *_numbers("from_at", "until_at"),
        sa.PrimaryKeyConstraint("id", name="alert_silence_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_silence_until", "alert_silence", ["until_at"])


def _states() -> None:
    op.create_table(
        "alert_state",
        *_words("rule", "label", "state"),
        *_maybe("active_at", "fired_at", "keep_since", "resolved_at"),
        *_numbers("missing", "evaluated_at"),
        *_words("severity"),
        sa.Column("value", sa.Float(53)),
        *_words("sentence"),
        *_maybe("episode_id"),
        sa.PrimaryKeyConstraint("rule", "label", name="alert_state_pkey"),
    )


def _episodes() -> None:
    op.create_table(
        "alert_episode",
        sa.Column("id", _number, nullable=False),
        *_words("rule", "label", "severity", "title", "sentence"),
        sa.Column("value", sa.Float(53)),
        *_numbers("active_at", "fired_at"),
        *_maybe("resolved_at", "acked_at"),
        *_words("acked_by", "ack_note"),
        *_numbers("step"),
        *_maybe("told_at"),
        sa.PrimaryKeyConstraint("id", name="alert_episode_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_episode_fired", "alert_episode", ["fired_at"])
    op.create_index("alert_episode_open", "alert_episode", ["resolved_at"])


def _news() -> None:
    op.create_table(
        "alert_news",
        sa.Column("id", _number, nullable=False),
        *_numbers("episode_id"),
        *_words("kind"),
        *_numbers("step"),
        *_words("body"),
        sa.PrimaryKeyConstraint("id", name="alert_news_pkey"),
        sa.UniqueConstraint("episode_id", "kind", "step", name="alert_news_once"),
        sqlite_autoincrement=True,
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _maybe(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger) for name in names]
