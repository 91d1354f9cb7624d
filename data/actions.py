"""The only writer to job tables: clean up and undo.

Every action looks again before it acts, repeats in its statement what the person
saw, leaves an audit row before and after, and reads again before it answers.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from data.clock import MINUTE_MS, Clock, from_ms, now_ms
from data.engines.base import Marked, Seen
from data.exceptions import (
    CapabilityMissingError,
    DataError,
    OutcomeUnknownError,
    UndoExpiredError,
    UnknownSourceError,
)
from data.model import FINISHED, Job, JobState, Liveness, Snapshot, Verdict
from data.rules.stalls import StallLimits, verdict_of
from data.snapshot import Source
from data.store import Store
from data.store.audit import AuditEntry

#: How long a clean-up can be undone.
UNDO_FOR_MS: Final = 10 * MINUTE_MS


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """What a clean-up did; lists of run ids."""

    #: marked as failed
    cleaned: list[str] = field(default_factory=list)
    #: ended, or gone, before they could be marked
    finished_meanwhile: list[str] = field(default_factory=list)
    #: running again: a newer heartbeat, another start, or within the limit
    came_back: list[str] = field(default_factory=list)
    #: still stalled: the database was lost before their turn came
    not_reached: list[str] = field(default_factory=list)
    #: undoes exactly this clean-up; None when nothing was marked
    undo_token: str | None = None
    #: until when it can be undone, epoch ms
    undo_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo did; lists of run ids."""

    #: RUNNING again, as before the clean-up
    restored: list[str]
    #: somebody changed them since; left as they are
    changed_since: list[str]


def seen_of(snapshot: Snapshot) -> list[Seen]:
    """Every stalled run of ``snapshot`` as it stands there: the guard of a clean-up."""
    return [
        seen_as(run_id, verdict)
        for run_id, verdict in snapshot.judgement.verdicts.items()
    ]


def seen_as(run_id: str, verdict: Verdict) -> Seen:
    """The guard that ``verdict`` rests on."""
    started_at, heartbeat_at, liveness, _ = verdict.evidence
    return Seen(run_id, started_at, heartbeat_at, liveness is not Liveness.FRESH)


class Actions:
    """Actions on the runs of all sources.

    ``changed`` is told the name of a source after each action.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        limits: StallLimits,
        clock: Clock,
        changed: Callable[[str], object],
    ) -> None:
        self._sources = sources
        self._store = store
        self._limits = limits
        self._clock = clock
        self._changed = changed

    def clean_up(self, source: str, seen: Sequence[Seen], *, actor: str) -> CleanUp:
        """Mark these runs as failed where they are still stalled and still as seen.

        Raises UnknownSourceError, CapabilityMissingError, SourceUnavailableError, or
        OutcomeUnknownError when the database was lost and nobody knows what happened.
        """
        place = self._source(source)
        if not place.engine.capabilities.clean_up:
            raise CapabilityMissingError(place.engine.capabilities.reason)
        now = now_ms(self._clock)
        once = list({run.run_id: run for run in seen}.values())
        jobs = _by_id(place, once)
        verdicts = {
            run.run_id: verdict
            for run in once
            if (job := jobs.get(run.run_id))
            and (verdict := verdict_of(job, now_ms=now, limits=self._limits))
            and _is_as_seen(job, run)
        }
        stalled = [run for run in once if run.run_id in verdicts]
        batch = self._mark(place, stalled, jobs, verdicts, actor, now)
        left = [run for run in once if run.run_id not in batch.marked]
        finished = _finished(_by_id(place, left), left) if left else []
        not_reached = [r for r in _ids(left) if r in batch.not_reached]
        named = {*finished, *not_reached}
        self._changed(source)
        return CleanUp(
            cleaned=[run_id for run_id in _ids(once) if run_id in batch.marked],
            finished_meanwhile=finished,
            came_back=[run_id for run_id in _ids(left) if run_id not in named],
            not_reached=not_reached,
            undo_token=batch.token if batch.marked else None,
            undo_until=now + UNDO_FOR_MS if batch.marked else None,
        )

    def undo(self, token: str, *, actor: str) -> Undone:
        """Put back what a clean-up marked, where nobody touched it since.

        Raises UndoExpiredError when the token is unknown, used, or too old.
        """
        now = now_ms(self._clock)
        rows = [r for r in self._store.audit.batch(token) if r.outcome == "cleaned"]
        if not rows or self._store.audit.is_undone(token):
            raise UndoExpiredError("There is nothing to undo: it was undone already.")
        if now - rows[0].at > UNDO_FOR_MS:
            raise UndoExpiredError("A clean-up can be undone for 10 minutes only.")
        place = self._source(rows[0].source)
        marked = [
            Marked(
                row.run_id,
                row.before["started_at"],
                row.after["finished_at"],
                row.before["cancel_requested_at"],
            )
            for row in rows
        ]
        entries = [
            AuditEntry(row.run_id, row.job_name, row.after, "") for row in rows
        ]
        batch = self._store.audit.open_batch(
            actor, place.name, "undo", entries, now, undo_of=token
        )
        restored = set(place.engine.unmark_stalled(marked))
        self._store.audit.conclude(
            batch,
            {
                row.run_id: ("restored", row.before)
                if row.run_id in restored
                else ("changed since", {})
                for row in rows
            },
        )
        self._changed(place.name)
        ids = [row.run_id for row in rows]
        return Undone(
            restored=[run_id for run_id in ids if run_id in restored],
            changed_since=[run_id for run_id in ids if run_id not in restored],
        )

    def _source(self, name: str) -> Source:
        if name not in self._sources:
            raise UnknownSourceError(name, sorted(self._sources))
        return self._sources[name]

    def _mark(
        self,
        place: Source,
        stalled: Sequence[Seen],
        jobs: Mapping[str, Job],
        verdicts: Mapping[str, Verdict],
        actor: str,
        now: int,
    ) -> "_Batch":
        """Audit, mark, audit."""
        reasons = {
            run_id: reason_of(verdict, actor=actor, at_ms=now)
            for run_id, verdict in verdicts.items()
        }
        entries = [
            AuditEntry(run_id, job.job_name, _before(job), reasons[run_id])
            for run_id in (run.run_id for run in stalled)
            if (job := jobs[run_id])
        ]
        if not entries:
            return _Batch("", set(), set())
        token = self._store.audit.open_batch(
            actor, place.name, "clean up", entries, now
        )
        groups: dict[str, list[Seen]] = defaultdict(list)
        for run in stalled:
            groups[reasons[run.run_id]].append(run)
        marked: set[str] = set()
        not_reached: set[str] = set()
        try:
            for reason, runs in groups.items():
                marked.update(place.engine.mark_stalled(runs, reason=reason, at_ms=now))
        except DataError as error:
            marked = _marked_after_all(place, stalled, now)
            if not marked:
                self._conclude(place, token, stalled, marked, now)
                raise error from None
            not_reached = {run.run_id for run in stalled} - marked
        self._conclude(place, token, stalled, marked, now)
        return _Batch(token, marked, not_reached)

    def _conclude(
        self,
        place: Source,
        token: str,
        stalled: Sequence[Seen],
        marked: set[str],
        now: int,
    ) -> None:
        after: dict[str, object] = {"status": "FAILED", "finished_at": now}
        self._store.audit.conclude(
            token,
            {
                run.run_id: ("cleaned", after)
                if run.run_id in marked
                else ("left alone", {})
                for run in stalled
            },
        )
        self._store.episodes.close(place.name, dict.fromkeys(marked, "cleaned"), now)


class _Batch(NamedTuple):
    token: str
    marked: set[str]
    not_reached: set[str]


def reason_of(verdict: Verdict, *, actor: str, at_ms: int) -> str:
    """The sentence a cleaned-up run keeps as its error."""
    beat = {
        Liveness.FRESH: "its worker still sent heartbeats",
        Liveness.LOST: "its heartbeat was lost",
        Liveness.NONE: "it never sent a heartbeat",
    }[verdict.evidence.liveness]
    minutes = f"{verdict.limit_ms / MINUTE_MS:g} min"
    at = from_ms(at_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"Stalled: it ran for more than {minutes} ({verdict.rule}) without completion "
        f"and {beat}. Marked as failed by {actor} at {at}."
    )


def _ids(runs: Sequence[Seen]) -> list[str]:
    return [run.run_id for run in runs]


def _by_id(place: Source, runs: Sequence[Seen]) -> dict[str, Job]:
    return {job.run_id: job for job in place.engine.runs(_ids(runs))}


def _is_as_seen(job: Job, run: Seen) -> bool:
    same_beat = job.heartbeat_at == run.heartbeat_at or not run.guard_heartbeat
    return job.started_at == run.started_at and same_beat


def _finished(jobs: Mapping[str, Job], runs: Sequence[Seen]) -> list[str]:
    return [
        run.run_id
        for run in runs
        if run.run_id not in jobs or jobs[run.run_id].state in FINISHED
    ]


def _marked_after_all(place: Source, runs: Sequence[Seen], at_ms: int) -> set[str]:
    """What is really there, after the database was lost on the way."""
    try:
        jobs = _by_id(place, runs)
    except DataError as error:
        message = (
            f"{place.label}: the database was lost before it answered. "
            "Whether the runs were marked is unknown: look again."
        )
        raise OutcomeUnknownError(message) from error
    return {
        run_id
        for run_id, job in jobs.items()
        if job.state is JobState.FAILED and job.finished_at == at_ms
    }


def _before(job: Job) -> dict[str, object]:
    return {
        "status": job.status_word,
        "started_at": job.started_at,
        "heartbeat_at": job.heartbeat_at,
        "cancel_requested_at": job.cancel_requested_at,
        "worker": job.worker,
    }
