"""``job-manager prune``: forget now what is older than ``JOBS_RETENTION``."""

import argparse
from typing import Any

from dashboard.commands.tools import Tools, say, settings_here
from data.clock import now_ms, to_duration_ms, utc_now
from data.store import open_store


def add(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "prune", help="forget what is older than JOBS_RETENTION in the store"
    )
    parser.set_defaults(run=run)


def run(_asked: argparse.Namespace, _tools: Tools) -> int:
    """Do what the server does once an hour, and say how much it was."""
    settings = settings_here()
    kept_ms = to_duration_ms(settings.retention)
    store = open_store(settings.store_url.get_secret_value(), retention_ms=kept_ms)
    try:
        gone = store.prune(now_ms(utc_now), kept_ms)
    finally:
        store.close()
    say("Forgot " + ", ".join(f"{rows} of {kind}" for kind, rows in gone.items()) + ".")
    return 0
