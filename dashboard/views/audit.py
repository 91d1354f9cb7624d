"""Rows of the audit for its grid, its CSV and its route."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard.format import shorten, shorten_name
from dashboard.views.active import NAME_LENGTH, WHOLE_NAME
from data.all_sources import joined
from data.store.audit import STARTED, AuditRow

#: What the select of actions offers, by its word in the URL.
ACTIONS: Final[dict[str, str]] = {
    "all": "All actions",
    "clean up": "Clean up",
    "undo": "Undo",
    "cancel": "Cancel",
    "run again": "Run again",
    "enqueue": "Run job",
    "acknowledge": "Acknowledge alert",
    "silence": "Silence alerts",
    "end silence": "End silence",
    "change rule": "Change rule",
    "resolve error": "Resolve error",
    "ignore error": "Ignore error",
    "reopen error": "Reopen error",
    "merge errors": "Merge errors",
    "split error": "Split error",
    "add channel": "Add channel",
    "remove channel": "Remove channel",
    "switch channel": "Pause channel",
    "test channel": "Test channel",
}
#: Rows of one answer.
PAGE: Final = 100
_TEXT_LENGTH: Final = 300


@dataclass(frozen=True, kw_only=True)
class AuditView:
    """One action on one run."""

    id: str
    #: epoch ms
    at: int
    actor: str
    action: str
    source: str
    run_id: str
    job_name: str
    outcome: str
    #: the run's values as they were, and what the action wrote
    before: dict[str, Any]
    after: dict[str, Any]
    detail: str


def audit_row(row: AuditRow) -> AuditView:
    """A row without its batch: that token undoes what was done."""
    return AuditView(
        id=str(row.id),
        at=row.at,
        actor=row.actor,
        action=row.action,
        source=row.source,
        run_id=row.run_id,
        job_name=row.job_name,
        outcome=outcome_words(row.outcome),
        before=row.before,
        after=row.after,
        detail=row.detail,
    )


def audit_found(
    rows: Sequence[AuditRow],
    *,
    replace: bool,
    problem: str = "",
    of_all: bool = False,
) -> dict[str, Any]:
    """What a search found, in the shape that assets/search.js shows.

    ``of_all``: of several sources, so that a run's id says which.
    """
    last = rows[-1].id if len(rows) == PAGE else None
    return {
        "rows": [_grid_row(row, of_all=of_all) for row in rows],
        "replace": replace,
        "next": last,
        "searched_to": None,
        "count": "",
        "problem": problem,
    }


def outcome_words(outcome: str) -> str:
    """What came of it; an action that was never concluded says so."""
    return "unknown" if outcome == STARTED else outcome


def _grid_row(row: AuditRow, *, of_all: bool) -> dict[str, Any]:
    run_id = _run_of(row)
    return {
        "id": str(row.id),
        "at": row.at,
        "actor": shorten(row.actor, NAME_LENGTH),
        "action": ACTIONS.get(row.action, row.action),
        "run_id": joined(row.source, run_id) if of_all and run_id else run_id,
        "job": shorten_name(row.job_name, WHOLE_NAME),
        "source": row.source,
        "outcome": outcome_words(row.outcome),
        "before": _values(row.before),
        "after": _values(row.after),
        "detail": shorten(row.detail, _TEXT_LENGTH),
    }


def _run_of(row: AuditRow) -> str:
    """The run it was done to; of a start the new one."""
    return row.run_id or str(row.after.get("run_id", ""))


def _values(values: Mapping[str, Any]) -> str:
    """``{"status": "RUNNING"}`` -> "status RUNNING"."""
    told = [
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in values.items()
        if value is not None
    ]
    return shorten(", ".join(told), _TEXT_LENGTH)
