"""DBOS's tables for tests, made by its own migrations."""

from typing import Any

from dbos import run_dbos_database_migrations
from sqlalchemy import Engine, create_engine, make_url, text

from data.clock import HOUR_MS
from tests.factories import NOW


class Flows:
    """DBOS's tables as somebody writes to them who knows their secrets."""

    def __init__(self, url: str) -> None:
        self.url = url
        place = make_url(url)
        self.is_file = place.get_backend_name() == "sqlite"
        self.prefix = "" if self.is_file else "dbos."
        run_dbos_database_migrations(url.replace("+psycopg", ""))
        driver = place if self.is_file else place.set(drivername="postgresql+psycopg")
        self.owner: Engine = create_engine(driver)

    def add(self, run_id: str, status: str = "PENDING", **values: Any) -> str:
        self.insert(
            "workflow_status",
            workflow_uuid=run_id,
            status=status,
            **{
                "name": "flow",
                "created_at": NOW - HOUR_MS,
                "updated_at": NOW,
                "priority": 0,
                "queue_name": "work",
                "recovery_attempts": 1,
                "executor_id": "host:1",
                "serialization": "py_pickle",
                "started_at_epoch_ms": NOW - HOUR_MS,
                **values,
            },
        )
        return run_id

    def done(self, run_id: str, status: str = "SUCCESS", **values: Any) -> str:
        return self.add(run_id, status, **{"completed_at": NOW, **values})

    def step(self, run_id: str, number: int, **values: Any) -> None:
        row = {"function_name": f"step{number}", "started_at_epoch_ms": NOW, **values}
        self.insert(
            "operation_outputs", workflow_uuid=run_id, function_id=number, **row
        )

    def insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        self.execute(
            f"INSERT INTO {self.prefix}{table} ({names}) VALUES ({marks})",  # noqa: S608
            **values,
        )

    def execute(self, statement: str, **values: Any) -> None:
        with self.owner.begin() as connection:
            connection.execute(text(statement), values)
