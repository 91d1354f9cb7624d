"""A process that is the product's monitor, on and off."""

from multiprocessing.connection import Connection
from pathlib import Path

from app import Composed, compose
from dashboard.settings import load_settings
from data.clock import utc_now
from data.monitor import Monitor


def watch_when_told(url: str, place: Path, switch: Connection) -> None:
    """Watch ``url`` while ``switch`` says so: True, False; None ends it.

    Duties are done and messages are made, as if somebody looked on.
    """
    settings = {
        "JOBS_DATABASE_URL": url,
        "JOBS_STORE_URL": f"sqlite:///{place / 'store.db'}",
    }
    composed = compose(load_settings(settings, directory=place))
    monitor: Monitor | None = None
    while (on := switch.recv()) is not None:
        if on and monitor is None:
            monitor = _monitor(composed)
            monitor.start()
        elif not on and monitor is not None:
            monitor.stop()
            monitor = None
        switch.send("done")
    if monitor is not None:
        monitor.stop()


def _monitor(composed: Composed) -> Monitor:
    return Monitor(
        composed.deps.sources,
        composed.deps.store,
        clock=utc_now,
        holder="bench",
        publish=composed.hub.messages.of,
    )
