"""``job-manager cleanup``: mark stalled runs as failed, with the evidence first."""

import argparse
import getpass
import sys
from typing import Any

from dashboard.commands.tools import EXIT_FAILED, Tools, say, settings_with_sources
from dashboard.views.cleanup import (
    CandidateView,
    candidates_view,
    in_two,
    outcome_view,
)
from data.actions import ticked_of
from data.clock import from_ms, is_in_calendar
from data.exceptions import SourceUnavailableError

_IDS_SHOWN = 50


def add(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("cleanup", help="mark stalled runs as failed")
    parser.add_argument("--source", help="default: the first one")
    parser.add_argument("--dry-run", action="store_true", help="list them only")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, tools: Tools) -> int:
    """List, ask, mark, tell; 1 when nobody agreed or a run was not reached."""
    deps = tools.compose(settings_with_sources()).deps
    place = deps.source(asked.source)
    snapshot = place.reader.refresh()
    if snapshot.trouble:
        raise SourceUnavailableError(snapshot.trouble.message)
    ticked, alive = in_two(candidates_view(snapshot, deps.look.logs_url))
    for candidate in ticked:
        say(_evidence(candidate))
    for candidate in alive:
        say(f"{_evidence(candidate)}  (slow, not dead: left alone)")
    seen = ticked_of(snapshot)
    if not seen:
        slow = f"{len(alive)} slow, not dead. Nothing was changed."
        say(f"{place.label}: {slow if alive else 'nothing is stalled.'}")
        return 0
    if asked.dry_run:
        marked = f"{len(seen)} would be marked as failed. Nothing was changed."
        say(f"{place.label}: {len(seen) + len(alive)} stalled, {marked}")
        return 0
    if not (asked.yes or _agreed(len(seen))):
        say("Nothing was changed.")
        return EXIT_FAILED
    done = deps.actions.clean_up(place.name, seen, actor=f"cli:{getpass.getuser()}")
    for _tone, sentence, ids in outcome_view(done):
        say(f"{sentence}: {', '.join(ids[:_IDS_SHOWN])}".removesuffix(": "))
    if done.undo_token:
        until = from_ms(done.undo_until or 0).astimezone()
        say(f"Undo until {until:%H:%M:%S} with POST /api/undo: {done.undo_token}")
    return EXIT_FAILED if done.not_reached else 0


def _evidence(one: CandidateView) -> str:
    beat = one["heartbeat"]
    if one["heartbeat_at"] is not None:
        beat += f" {_moment(one['heartbeat_at'])}"
    parts = (one["run_id"], one["job"], one["elapsed"], beat, one["worker"])
    return "  ".join(part for part in parts if part)


def _moment(at_ms: int) -> str:
    """In this machine's zone; what is beyond the calendar as it is."""
    if not is_in_calendar(at_ms):
        return str(at_ms)
    return f"{from_ms(at_ms).astimezone():%Y-%m-%d %H:%M:%S}"


def _agreed(runs: int) -> bool:
    """Ask whoever sits there; nobody there is a no."""
    if not sys.stdin.isatty():
        say("Nobody is there to ask: --yes does it without.")
        return False
    answer = input(f"Mark {runs} as failed? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}
