"""The whole program over a database, for tests that ask it as a browser does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import Composed, compose
from dashboard.settings import load_settings
from data.clock import Clock


@contextmanager
def composed(
    clock: Clock, url: str, directory: Path, **more: str
) -> Iterator[Composed]:
    """Nothing runs beside it; the store lies in ``directory``."""
    environ = {
        "JOBS_DATABASE_URL": url,
        "JOBS_STORE_URL": f"sqlite:///{directory / 'store.db'}",
        **more,
    }
    made = compose(load_settings(environ, directory=directory), clock=clock)
    yield made
    made.deps.store.close()
    for source in made.deps.sources.values():
        source.engine.close()
