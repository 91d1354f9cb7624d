"""The server's side of the live link and the browser's agree on what silence is."""

import re
from pathlib import Path

from dashboard.live import HEARTBEAT_EVERY_S

LINK = Path(__file__).parents[2] / "assets/live.js"


def test_a_browser_waits_for_more_than_two_signs_of_life() -> None:
    [limit_ms] = re.findall(r"SILENCE_MS = ([0-9_]+)", LINK.read_text(encoding="utf-8"))

    assert 0 < 2.5 * HEARTBEAT_EVERY_S * 1000 < int(limit_ms)
