"""The errors that the product's store has kept."""

import json
from typing import Any

from app import Composed
from tests.browser.waiting import wait_for


def kept(composed: Composed) -> list[dict[str, Any]]:
    """Every event as it was told, the oldest first."""
    rows = composed.deps.store.errors.events([], limit=100)
    return [json.loads(row.body) for row in reversed(rows)]


def wait_for_kept(composed: Composed, field: str, value: str) -> dict[str, Any]:
    """The one event whose field is so: events are written a moment later."""
    [event] = wait_for(lambda: [one for one in kept(composed) if one[field] == value])
    return event
