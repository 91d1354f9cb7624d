"""The same request again: what its number did before, as the audit and the engine know.

Whoever asks makes the number up. It is the token of the audit's batch, and what an
engine that can derives the ids of new runs from: asked again, it makes no second run.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from data.actions.outcomes import FAILED, NOT_REACHED
from data.exceptions import InvalidRequestError, OutcomeUnknownError
from data.store.audit import STARTED, AuditLog, AuditRow

_ONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What the same request did before, by run id; empty for a new one."""

    #: the new run
    started: Mapping[str, str] = field(default_factory=dict)
    #: nothing was to be started
    not_started: frozenset[str] = frozenset()
    #: nobody knows: the status it had before
    unknown: Mapping[str, str] = field(default_factory=dict)

    def left(self, run_ids: Iterable[str]) -> list[str]:
        """Of these the runs that it was not done to, for all we know."""
        return [id_ for id_ in run_ids if id_ not in {*self.started, *self.not_started}]


def checked_once(once: str | None) -> str | None:
    """The number of a request, which must be hard to guess; None is none."""
    if once is None or _ONCE.fullmatch(once):
        return once
    message = '"once" is 16 to 64 letters, digits, - or _.'
    raise InvalidRequestError(message)


def earlier(
    audit: AuditLog,
    once: str | None,
    *,
    action: str,
    source: str,
    about: Sequence[str] | None = None,
) -> Earlier:
    """What this request did before. ``about`` are job and detail, where both are asked.

    Raises InvalidRequestError for a number that something else was done with.
    """
    rows = audit.batch(once) if once else []
    if any(row.action != action for row in rows):
        message = '"once" was used for another action.'
        raise InvalidRequestError(message)
    if any(row.source != source or _is_other(row, about) for row in rows):
        message = '"once" was used for another request.'
        raise InvalidRequestError(message)
    last = {row.run_id: row for row in rows}
    done = [row for row in last.values() if row.outcome not in _UNDECIDED]
    return Earlier(
        started={row.run_id: str(row.after["run_id"]) for row in done if row.after},
        not_started=frozenset(row.run_id for row in done if not row.after),
        unknown={
            row.run_id: str(row.before.get("status", ""))
            for row in last.values()
            if row.outcome == STARTED
        },
    )


def require_repeatable(before: Earlier, *, is_idempotent: bool) -> None:
    """Raise OutcomeUnknownError where to do it again might do it twice."""
    if before.unknown and not is_idempotent:
        message = "This was asked before, and what came of it is unknown: look again."
        raise OutcomeUnknownError(message)


def _is_other(row: AuditRow, about: Sequence[str] | None) -> bool:
    return about is not None and [row.job_name, row.detail] != [*about]


#: Outcomes that leave it to be done.
_UNDECIDED: Final = (STARTED, FAILED, NOT_REACHED)
