"""What the store tells of tracked errors, and what it can be asked for."""

from typing import NamedTuple

from data.model import GroupStatus


class ErrorFilter(NamedTuple):
    """Which errors are asked for; every condition that is not "" or 0 must hold."""

    #: events since this instant, epoch ms
    since: int = 0
    until: int = 0
    statuses: frozenset[GroupStatus] = frozenset()
    #: "browser", "server" or "job"
    origin: str = ""
    action: str = ""
    component: str = ""
    job_name: str = ""
    #: name of a source: errors that happened to its runs, or while it was looked at
    source: str = ""
    #: part of the title, whatever the case
    text: str = ""


class Group(NamedTuple):
    """Errors that are the same error."""

    fingerprint: str
    title: str
    type: str
    origin: str
    action: str
    component: str
    job_name: str
    first_seen: int
    last_seen: int
    status: GroupStatus
    #: when somebody, or its return, made it so; 0 for never
    status_at: int
    status_by: str
    #: in the asked range
    events: int
    #: distinct people or tabs, and runs, since it was first seen
    visitors: int
    runs: int
    #: fingerprints that were merged into this one
    merged: tuple[str, ...]


class KeptEvent(NamedTuple):
    """One event as it is stored; ``body`` is JSON."""

    id: int
    event_id: str
    fingerprint: str
    at: int
    received_at: int
    level: str
    origin: str
    kind: str
    type: str
    message: str
    action: str
    component: str
    job_name: str
    source: str
    run_id: str
    visitor: str
    times: int
    body: str


class StruckRun(NamedTuple):
    """A run that failed with an error."""

    source: str
    run_id: str
    job_name: str
    last_at: int
    retried_at: int | None
