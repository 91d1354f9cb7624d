"""News of alerts, and a messenger to take it."""

from collections.abc import Callable
from typing import Any

from data.model import AlertNews, Severity
from data.notify import Messenger
from data.store import Store
from tests.conftest import FakeClock

HOME = "https://jobs.example.org/jm/"


def news(kind: str = "fired", **changes: Any) -> AlertNews:
    values: dict[str, Any] = {
        "kind": kind,
        "rule": "StalledFrequency",
        "label": "",
        "severity": Severity.WARNING,
        "title": "Stalled runs, 3 in 24 h (limit 2)",
        "sentence": "3 runs became stalled in the last 24 hours; 2 are allowed.",
        "episode_id": 12,
        "step": 0,
        "at": 1_773_837_296_000,
        "link_path": "/alerts?rule=StalledFrequency",
    }
    return AlertNews(**{**values, **changes})


def messenger_over(
    store: Store,
    clock: FakeClock,
    *urls: str,
    holder: str = "here:1",
    warn: Callable[[str], object] = print,
) -> Messenger:
    return Messenger(
        store.messages, clock=clock, holder=holder, home=HOME, urls=urls, warn=warn
    )
