"""Stalled episodes: when a run was first seen as stalled, and how that ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from data.db import Database
from data.model import Job, StallRule, StallState, Verdict
from data.rules.stalls import StallLimits
from data.store.tables import rollup_state, stall_episode
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

_c: Final = stall_episode.c
#: Runs that one statement asks for.
_BATCH: Final = 500
_OPEN: Final = select(
    _c.run_id,
    _c.job_name,
    _c.run_started_at,
    _c.state,
    _c.rule,
    _c.limit_ms,
    _c.first_seen_at,
).where(_c.ended_at.is_(None))
_CLOSE: Final = (
    update(stall_episode)
    .where(_c.id == bindparam("episode"), _c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), outcome=bindparam("what"))
)


class Origin(StrEnum):
    """How an episode became known."""

    #: somebody watched while it lasted
    WATCHED = "watched"
    #: found afterwards, by how long the run took
    DURATIONS = "durations"


class Episode(NamedTuple):
    """One run's time as stalled, not over yet."""

    run_id: str
    job_name: str
    run_started_at: int
    state: StallState
    rule: StallRule
    limit_ms: int
    #: when somebody watched it become stalled, or found it so
    first_seen_at: int


class EpisodeLog:
    """The stalled episodes of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(
        self,
        source: str,
        verdicts: Mapping[str, Verdict],
        job_names: Mapping[str, str],
        now_ms: int,
    ) -> None:
        """Note every stalled run (by run id) that is not noted yet.

        Repeating it changes nothing, in whichever process. A run that is stalled
        again since the same start (a clean-up was undone) goes on with its episode.
        """
        if not verdicts:
            return
        rows = [
            {
                "source": source,
                "run_id": storable_key(run_id),
                "job_name": storable(job_names.get(run_id, "")),
                "run_started_at": verdict.evidence.started_at,
                "state": verdict.state.value,
                "rule": verdict.rule.value,
                "limit_ms": verdict.limit_ms,
                "first_seen_at": now_ms,
            }
            # In one order for all: two processes must not wait for each other's rows.
            for run_id, verdict in sorted(verdicts.items())
        ]
        statement = insert_into(stall_episode, self._db.dialect).on_conflict_do_update(
            index_elements=[_c.source, _c.run_id, _c.run_started_at],
            set_={"ended_at": None, "outcome": None},
            where=_c.ended_at.is_not(None),
        )
        with self._db.writing() as connection:
            connection.execute(statement, rows)

    def record_past(
        self, source: str, jobs: Iterable[Job], limits: StallLimits
    ) -> None:
        """Note finished runs that were over their limit, and that nobody saw so.

        An episode that is known already stays as it is. A run that is known as stalled
        at the same time is the same episode, though it tells of another start: DBOS
        forgets the start of what is cancelled.
        """
        rows = [
            {
                "source": source,
                "run_id": storable_key(job.run_id),
                "job_name": storable(job.job_name),
                "run_started_at": job.started_at,
                "state": StallState.OVERDUE.value,
                "rule": limits.rule_of(job.job_name).value,
                "limit_ms": limits.of(job.job_name),
                "first_seen_at": job.started_at + limits.of(job.job_name),
                "ended_at": job.finished_at,
                "outcome": job.state.value.lower(),
                "origin": Origin.DURATIONS.value,
            }
            for job in sorted(jobs, key=lambda job: job.run_id)
            if job.started_at is not None
        ]
        if rows:
            statement = insert_into(stall_episode, self._db.dialect)
            with self._db.writing() as connection:
                known = _spans(connection, source, [row["run_id"] for row in rows])
                new = [row for row in rows if not _is_known(row, known)]
                if new:
                    connection.execute(statement.on_conflict_do_nothing(), new)

    def open(self, source: str) -> list[Episode]:
        """The episodes that are not over, longest ago first."""
        order = _c.first_seen_at, _c.id
        statement = _OPEN.where(_c.source == source).order_by(*order)
        return [_to_episode(row) for row in self._db.fetch(statement)]

    def close(self, source: str, ended: Mapping[str, str], now_ms: int) -> None:
        """Note how episodes ended: ``ended`` maps run ids to outcomes.

        Runs without an open episode are passed over.
        """
        outcomes = {storable_key(run_id): what for run_id, what in ended.items()}
        is_open = (
            select(_c.id, _c.run_id)
            .where(_c.source == source, _c.ended_at.is_(None))
            .order_by(_c.id)
        )
        if not outcomes:
            return
        with self._db.writing() as connection:
            rows = [
                {"episode": id_, "at": now_ms, "what": outcomes[run_id]}
                for id_, run_id in connection.execute(is_open)
                if run_id in outcomes
            ]
            if rows:
                connection.execute(_CLOSE, rows)

    def prune(self, before_ms: int, now_ms: int) -> int:
        """Forget episodes that ended before then; how many.

        Those of a source that nobody has read since then are over: it is gone.
        """
        state = rollup_state.c
        read = select(state.source).where(state.refreshed_until >= before_ms)
        ghosts = (
            update(stall_episode)
            .where(_c.ended_at.is_(None), _c.first_seen_at < before_ms)
            .where(_c.source.not_in(read))
        )
        with self._db.writing() as connection:
            connection.execute(ghosts.values(ended_at=now_ms, outcome="gone"))
            old = delete(stall_episode).where(_c.ended_at < before_ms)
            return connection.execute(old).rowcount


def _spans(
    connection: Connection, source: str, run_ids: Sequence[object]
) -> dict[str, list[tuple[int, int | None]]]:
    """By run id from when to when it is known as stalled; None: it still is."""
    spans: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
    for at in range(0, len(run_ids), _BATCH):
        batch = run_ids[at : at + _BATCH]
        of_runs = select(_c.run_id, _c.run_started_at, _c.ended_at).where(
            _c.source == source, _c.run_id.in_(batch)
        )
        for run_id, started_at, ended_at in connection.execute(of_runs):
            spans[run_id].append((started_at, ended_at))
    return spans


def _is_known(
    row: Mapping[str, Any], known: Mapping[str, Sequence[tuple[int, int | None]]]
) -> bool:
    """Is it a part of an episode that is known?"""
    return any(
        started_at <= row["ended_at"]
        and (ended_at is None or ended_at >= row["run_started_at"])
        for started_at, ended_at in known.get(row["run_id"], ())
    )


def _to_episode(row: Row[str, str, int, str, str, int, int]) -> Episode:
    run_id, job_name, started_at, state, rule, limit_ms, first_seen_at = row
    return Episode(
        run_id,
        job_name,
        started_at,
        StallState(state),
        StallRule(rule),
        limit_ms,
        first_seen_at,
    )
