"""What people make of groups of errors: resolve, ignore, reopen, merge, split; by name."""

from collections.abc import Collection, Mapping
from typing import Final

from data.actions.auditing import audited
from data.clock import Clock, now_ms
from data.exceptions import InvalidRequestError
from data.model import GroupStatus
from data.store import Store
from data.store.audit import AuditEntry
from data.store.error_records import Group

#: By the status that a group gets: what the audit calls it.
STATUS_ACTIONS: Final = {
    GroupStatus.RESOLVED: "resolve error",
    GroupStatus.IGNORED: "ignore error",
    GroupStatus.OPEN: "reopen error",
}
MERGE: Final = "merge errors"
SPLIT: Final = "split error"


class ErrorActions:
    """What is done to groups of errors; the audit has it before it is done."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def set_status(self, fingerprint: str, status: GroupStatus, *, actor: str) -> Group:
        """Resolve, ignore or reopen a group; how it is then.

        Raises UnknownErrorGroupError, and InvalidRequestError for a status that nobody
        can choose.
        """
        if status not in STATUS_ACTIONS:
            message = "A group becomes regressed by itself: open, resolved or ignored."
            raise InvalidRequestError(message)
        errors = self._store.errors
        before = errors.group(fingerprint)
        entry = _entry(before, {"status": before.status.value})
        with audited(
            self._store, self._clock, actor, STATUS_ACTIONS[status], entry
        ) as after:
            errors.set_status(
                before.fingerprint, status, by=actor, at_ms=now_ms(self._clock)
            )
            after.update(status=status.value)
        return errors.group(before.fingerprint)

    def merge(self, into: str, others: Collection[str], *, actor: str) -> Group:
        """Make groups part of another one; how that is then."""
        errors = self._store.errors
        for fingerprint in others:
            part = errors.group(fingerprint)
            entry = _entry(part, {"events": part.events})
            with audited(self._store, self._clock, actor, MERGE, entry) as after:
                errors.merge(into, [fingerprint])
                after.update(merged_into=into)
        return errors.group(into)

    def split(self, fingerprint: str, *, actor: str) -> Group:
        """Make what was merged a group of its own again; how it is then."""
        errors = self._store.errors
        whole = errors.group(fingerprint)
        before = {"merged_into": whole.fingerprint}
        entry = _entry(whole, before)._replace(run_id=fingerprint)
        with audited(self._store, self._clock, actor, SPLIT, entry):
            errors.split(fingerprint)
        return errors.group(fingerprint)


def _entry(group: Group, before: Mapping[str, object]) -> AuditEntry:
    return AuditEntry(group.fingerprint, group.job_name, before, group.title)
