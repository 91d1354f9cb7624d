"""The migrated store is the one that tables.py describes, however it is started."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, column, inspect, table, text, update

from data.db import Database
from data.exceptions import SourceUnavailableError
from data.store import Store, open_store
from data.store.migrate import VERSION_TABLE, migrate
from data.store.tables import metadata

#: Four processes that have imported all, and open a store when the last one is there.
_OPEN = """
import os, sys
from data.store import open_store
are_all_there, last = os.pipe()
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        os.close(last)
        os.read(are_all_there, 1)
        open_store(sys.argv[1]).close()
        sys.exit()
    children.append(child)
os.close(last)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def test_the_migrations_make_what_tables_py_describes(store: Store) -> None:
    with store.database.connection() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_keys_and_collations_are_those_of_tables_py(
    store: Store,
) -> None:
    """What alembic does not compare."""
    migrated = _described(store.database)
    with store.database.writing() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)

    assert migrated == _described(store.database)
    assert len(migrated) == len(metadata.tables)


def test_opening_a_store_again_keeps_what_is_in_it(database_url: str) -> None:
    first = open_store(database_url)
    first.leases.acquire("monitor", "a", 1_000, 500)
    first.close()

    second = open_store(database_url)

    assert not second.leases.acquire("monitor", "b", 1_200, 500)
    second.close()


def test_processes_that_start_at_once_all_get_a_store(database_url: str) -> None:
    command = [sys.executable, "-c", _OPEN, database_url]
    started = subprocess.run(  # noqa: S603
        command, stderr=subprocess.PIPE, timeout=60, check=False
    )

    assert (started.returncode, started.stderr) == (0, b"")
    open_store(database_url).close()


def test_a_crash_while_migrating_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object, **_kwargs: object) -> None:
        raise ConnectionAbortedError

    database = Database(database_url, name="store", owned=True)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", crash)
        with pytest.raises(ConnectionAbortedError):
            migrate(database)

    with database.connection() as connection:
        assert inspect(connection).get_table_names() == []
    database.close()
    open_store(database_url).close()


def test_a_store_that_is_newer_than_the_program_is_refused(database_url: str) -> None:
    versions = table(VERSION_TABLE, column("version_num"))
    newer = open_store(database_url)
    with newer.database.writing() as connection:
        connection.execute(update(versions).values(version_num="9999"))
    newer.close()

    with pytest.raises(SourceUnavailableError, match="made by a newer Job Manager"):
        open_store(database_url)


def test_a_store_can_live_beside_tables_that_alembic_keeps_for_others(
    database_url: str,
) -> None:
    database = Database(database_url, name="theirs", owned=True)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    database.close()

    open_store(database_url).close()


def _described(database: Database) -> dict[str, object]:
    """Columns with types, collations and nullability; keys; indexes."""
    found = MetaData()
    with database.connection() as connection:
        found.reflect(connection, only=list(metadata.tables))
    return {
        described.name: (
            [
                (c.name, repr(c.type), c.nullable, c.primary_key)
                for c in described.columns
            ],
            sorted(
                f"{i.name} {[c.name for c in i.columns]}" for i in described.indexes
            ),
            sorted(f"{c.name} {type(c).__name__}" for c in described.constraints),
        )
        for described in found.sorted_tables
    }
