"""Brings the store's tables to the version that this program knows.

Alembic runs inside one write transaction: a crash leaves the store as it was, and
of several processes that start at once one migrates while the others wait.
"""

import math
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from data.db import Database
from data.exceptions import DataError

#: Alembic's own name may be taken: the store can share a database with others.
VERSION_TABLE: Final = "job_manager_version"
#: Any number that others are unlikely to lock.
_ADVISORY_LOCK: Final = 0x4A4F42534D475231


def migrate(database: Database) -> None:
    """Make or bring up to date the tables of ``database``.

    Raises DataError when the store is newer than this program, and whatever the
    database refuses.
    """
    with database.writing(limit_s=math.inf) as connection:  # a large store takes long
        if database.dialect == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the transaction of ``connection``."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "data.store:migrations")
    _require_known(connection, ScriptDirectory.from_config(config))
    command.upgrade(config, "head")


def version_words(connection: Connection) -> str:
    """Is the store of this program's version? A sentence.

    Raises DataError when it is newer.
    """
    config = Config()
    config.set_main_option("script_location", "data.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    _require_known(connection, scripts)
    found = ", ".join(_versions(connection)) or "none"
    if set(_versions(connection)) == set(scripts.get_heads()):
        return f"The store is writable and of this version ({found})."
    return f"The store is of version {found}: the next start brings it up to date."


def _require_known(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if found := set(_versions(connection)) - known:
        raise DataError(
            f"It was made by a newer Job Manager (version {found.pop()!r} of its tables). "
            "Update this program, or give it a store of its own in JOBS_STORE_URL."
        )


def _versions(connection: Connection) -> tuple[str, ...]:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    return context.get_current_heads()
