"""Errors are told apart by their codes and by their source, and named by the commonest.

The stored events are regrouped afterwards, in the background: see error_regrouping.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ABOUT = ["origin", "action", "component", "job_name"]


def upgrade() -> None:
    """Add the source to the counts, and the tables that regrouping needs."""
    retired = sa.Column(
        "retired", sa.Boolean, nullable=False, server_default=sa.false()
    )
    op.add_column("error_group", retired)
    _recount("error_hour", "hour")
    _recount("error_day", "day")
    _met()
    op.create_table(
        "error_title",
        *_words("fingerprint", "title"),
        *_numbers("events"),
        sa.PrimaryKeyConstraint("fingerprint", "title", name="error_title_pkey"),
    )
    op.create_table(
        "error_regrouped",
        *_words("old", "new", "codes"),
        *_numbers("events"),
        sa.PrimaryKeyConstraint("old", "new", name="error_regrouped_pkey"),
    )
    op.create_table(
        "error_regrouping",
        *_words("version"),
        *_numbers("total", "done"),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("version", name="error_regrouping_pkey"),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _word, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _recount(name: str, span: str) -> None:
    """The counts with a source, "" until their events are regrouped."""
    op.rename_table(name, "error_counts_before")
    op.drop_index(f"{name}_at", "error_counts_before")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(f"{name}_pkey", "error_counts_before")
    made = op.create_table(
        name,
        *_words("fingerprint"),
        *_numbers(span),
        *_words(*_ABOUT, "source"),
        *_numbers("events"),
        sa.PrimaryKeyConstraint(
            "fingerprint", span, *_ABOUT, "source", name=f"{name}_pkey"
        ),
    )
    known = ["fingerprint", span, *_ABOUT, "events"]
    before = sa.table("error_counts_before", *(sa.column(one) for one in known))
    rows = sa.select(*(before.c[one] for one in known), sa.literal("").label("source"))
    op.execute(made.insert().from_select([*known, "source"], rows))
    op.drop_table("error_counts_before")
    op.create_index(f"{name}_at", name, [span, "fingerprint", "action", "events"])


def _met() -> None:
    op.create_table(
        "error_met",
        *_words("fingerprint"),
        *_numbers("hour"),
        *_words("source", "visitor"),
        *_numbers("first_at", "last_at"),
        sa.PrimaryKeyConstraint(
            "fingerprint", "hour", "source", "visitor", name="error_met_pkey"
        ),
    )
    op.create_index("error_met_hour", "error_met", ["hour", "fingerprint"])
