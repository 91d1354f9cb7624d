"""Which engines there are, by the name that settings give them."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Final

from data.db import Database
from data.engines.base import JobEngine

#: Imported when first asked for: a job system's library costs memory and time.
ENGINES: Final[Mapping[str, str]] = {
    "native": "data.engines.native:NativeEngine",
    "dbos": "data.engines.dbos:DbosEngine",
}


def open_engine(
    name: str, database: Database, *, schema: str | None, read_only: bool
) -> JobEngine:
    """The engine of that name over ``database``; nothing is connected yet."""
    engine: JobEngine = resolve_name(ENGINES[name])(
        database, schema=schema, read_only=read_only
    )
    return engine
