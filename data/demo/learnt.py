"""The demo's store, as if Job Manager had been there for ninety days."""

from pathlib import Path
from urllib.parse import quote

from data.demo.alerts import write_alerts
from data.demo.errors import write_errors
from data.demo.viewing import write_viewing
from data.store import open_store


def prepare_store(path: Path, orders: Path, *, now_ms: int) -> None:
    """Make the store at ``path``; it appears only when it is complete.

    ``orders`` is the demo's job table. What can be read from it (rollups, runs that took
    too long) is left to the monitor.
    """
    part = path.with_name(f"{path.name}.part")
    for left in path.parent.glob(f"{part.name}*"):
        left.unlink()
    store = open_store(f"sqlite:///{quote(str(part))}")
    try:
        write_errors(store.errors, now_ms=now_ms)
        write_viewing(store.database, now_ms=now_ms)
        write_alerts(store.database, orders, now_ms=now_ms)
    finally:
        store.close()
    part.replace(path)
