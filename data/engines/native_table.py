"""The columns and indexes of ``job_runs`` (contract: one meaning, two databases)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from data.clock import from_ms, to_ms

TABLE_NAME: Final = "job_runs"
#: Every column is of the contract's type.
NO_TYPES: Final[Mapping[str, TypeEngine[Any]]] = MappingProxyType({})
INSTANTS: Final = (
    "enqueued_at",
    "scheduled_at",
    "started_at",
    "heartbeat_at",
    "finished_at",
    "cancel_requested_at",
)


class Instant(TypeDecorator[int]):
    """Epoch milliseconds in Python; timestamptz on PostgreSQL, INTEGER on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type on this database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Integer())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """What the driver is handed."""
        if value is None or dialect.name != "postgresql":
            return value
        return from_ms(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], int | None] | None:
        """How a value that was read becomes epoch milliseconds.

        SQLite takes anything in any column: ``rows`` mends what is no number.
        """
        del coltype
        return _read_datetime if dialect.name == "postgresql" else None


def _read_datetime(value: datetime | None) -> int | None:
    return None if value is None else to_ms(value)


def job_runs(
    schema: str | None = None,
    types: Mapping[str, TypeEngine[Any]] = NO_TYPES,
    others: Sequence[str] = (),
) -> Table:
    """The native table, in ``schema`` on PostgreSQL.

    ``types`` are those that differ from the contract, ``others`` columns that it does
    not know.
    """
    metadata = MetaData(schema=schema)

    def own(name: str, type_: TypeEngine[Any] | type[TypeEngine[Any]]) -> Any:
        return types.get(name, type_)

    return Table(
        TABLE_NAME,
        metadata,
        Column(
            "id",
            BigInteger().with_variant(Integer, "sqlite"),
            Identity(),
            primary_key=True,
        ),
        Column("job_name", own("job_name", Text), nullable=False),
        Column(
            "queue",
            own("queue", Text),
            nullable=False,
            server_default=text("'default'"),
        ),
        Column("status", own("status", Text), nullable=False),
        Column("params", own("params", _json())),
        Column("result", own("result", _json())),
        Column("error_type", own("error_type", Text)),
        Column("error", own("error", Text)),
        Column("attempt", Integer, nullable=False, server_default=text("1")),
        Column("max_attempts", Integer, nullable=False, server_default=text("1")),
        Column("progress", Double),
        Column("worker", own("worker", Text)),
        Column("enqueued_at", Instant, nullable=False),
        *(Column(name, Instant) for name in INSTANTS[1:]),
        *(Column(name, NullType) for name in others),
        CheckConstraint(
            "status IN ('SCHEDULED','PENDING','RUNNING','SUCCEEDED','FAILED','CANCELLED')",
            name="job_runs_status",
        ),
        Index("job_runs_finished", "finished_at", "id"),
        Index("job_runs_name_finished", "job_name", "finished_at", "id"),
        Index(
            "job_runs_failed",
            "finished_at",
            "id",
            postgresql_where=text("status = 'FAILED'"),
            sqlite_where=text("status = 'FAILED'"),
        ),
        sqlite_autoincrement=True,
    )


def _json() -> TypeEngine[Any]:
    return Text().with_variant(JSONB, "postgresql")
