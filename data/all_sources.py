"""All sources at once: what each of them knows, put together; nothing is read twice.

Run ids are told apart by the name of their source: ``orders/17``. A source that is down
hides nothing of the others: what it knew last stays, and it is said what is missing.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from threading import Lock
from typing import Any, Final

from data.clock import is_in_calendar
from data.engines.base import Capabilities, Finding
from data.exceptions import (
    DataError,
    InvalidRequestError,
    SourceUnavailableError,
)
from data.model import (
    Failure,
    Job,
    JobState,
    Judgement,
    Recent,
    RunDetails,
    RunFilter,
    RunPage,
    Snapshot,
    Trouble,
    Weeks,
)
from data.snapshot import Source

#: The name under which all sources are asked for; no source can be called so.
ALL: Final = "all"
_SEPARATOR: Final = "/"


def joined(source: str, run_id: str) -> str:
    """A run id that is told apart from those of other sources."""
    return f"{source}{_SEPARATOR}{run_id}"


def parted(run_id: str) -> tuple[str, str]:
    """Name of the source, and the id there; of a bare id the source is ""."""
    source, separator, rest = run_id.partition(_SEPARATOR)
    return (source, rest) if separator else ("", run_id)


def renamed(source: str, job: Job) -> Job:
    """The run with an id that is told apart from those of other sources."""
    return job._replace(run_id=joined(source, job.run_id))


def by_source(
    run_ids: Iterable[str], sources: Mapping[str, Source]
) -> dict[str, list[str]]:
    """The ids of each source; what belongs to none is left out."""
    found: dict[str, list[str]] = {}
    for run_id in run_ids:
        source, rest = parted(run_id)
        if source in sources:
            found.setdefault(source, []).append(rest)
    return found


class AllEngine:
    """The runs of all sources, as ``data.engines.base.Runs`` of one."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    @property
    def capabilities(self) -> Capabilities:
        """What can be done to runs of at least one source."""
        able = [source.engine.capabilities for source in self._sources.values()]
        everything = Capabilities(
            clean_up=any(one.clean_up for one in able),
            enqueue=any(one.enqueue for one in able),
            retry=any(one.retry for one in able),
            cancel=any(one.cancel for one in able),
            guarded=all(one.guarded for one in able),
        )
        reasons = [
            f"{source.label}: {source.engine.capabilities.reason}"
            for source in self._sources.values()
            if source.engine.capabilities.reason
        ]
        left_out = [name for one in able for name in one.not_copied]
        return replace(
            everything,
            reason=" ".join(reasons),
            not_copied=tuple(dict.fromkeys(left_out)),
        )

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""
        return [
            renamed(name, job)
            for name, ids in by_source(run_ids, self._sources).items()
            for job in self._sources[name].engine.runs(ids)
        ]

    def page(
        self, filter_: RunFilter, *, after: str | None = None, limit: int = 50
    ) -> RunPage:
        """At most ``limit`` runs of all sources, in the order of their ends."""
        starts = _starts_of(after, self._sources)
        pages, missing = self._pages(filter_, starts, limit)
        searched = [
            at for page in pages.values() if (at := page.searched_to_ms) is not None
        ]
        horizon = max(searched, default=None)
        merged = merge(
            *(_until(horizon, name, page.jobs) for name, page in pages.items()),
            key=_order,
        )
        jobs = list(islice(merged, limit))
        taken = Counter(parted(job.run_id)[0] for job in jobs)
        # what could not be read is asked for again with the next page
        ahead = {name: at for name, at in starts.items() if name not in pages}
        for name, page in pages.items():
            if not _is_over(page, taken[name]):
                ahead[name] = _goes_on_at(starts[name], page, taken[name])
        stopped = horizon if len(jobs) < limit else None
        return RunPage(jobs, _cursor_of(ahead), stopped, tuple(missing))

    def _pages(
        self, filter_: RunFilter, starts: Mapping[str, str | None], limit: int
    ) -> tuple[dict[str, RunPage], list[str]]:
        """A page of each source, and why there is none of some of them."""
        pages: dict[str, RunPage] = {}
        missing: list[str] = []
        for name, start in starts.items():
            wanted = replace(filter_, text=_text_for(name, filter_.text))
            engine = self._sources[name].engine
            try:
                pages[name] = engine.page(wanted, after=start, limit=limit)
            except InvalidRequestError:
                raise
            except DataError as error:
                missing.append(str(error))
        if starts and not pages:
            raise SourceUnavailableError(" ".join(missing))
        return pages, missing

    def count(self, filter_: RunFilter, *, up_to: int) -> int | None:
        """How many runs there are, counted to ``up_to``; None when one cannot tell."""
        counted = 0
        for source in self._sources.values():
            try:
                runs = source.engine.count(filter_, up_to=up_to)
            except DataError:
                return None
            if runs is None:
                return None
            counted += runs
        return min(counted, up_to)

    def failures(self, run_ids: Sequence[str]) -> list[Failure]:
        """What these failed runs kept of their errors, in no order."""
        return [
            failure._replace(job=renamed(name, failure.job))
            for name, ids in by_source(run_ids, self._sources).items()
            for failure in self._sources[name].engine.failures(ids)
        ]

    def details(self, run_id: str) -> RunDetails | None:
        """One run with its long texts; None when there is none of that id."""
        name, rest = parted(run_id)
        if name not in self._sources:
            return None
        found = self._sources[name].engine.details(rest)
        return found and replace(found, job=renamed(name, found.job))


class AllReader:
    """The snapshots of all sources as one; each source is read by its own reader."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._made: Snapshot | None = None
        self._making = Lock()

    @property
    def latest(self) -> Snapshot:
        """The last snapshots, however old; never reads."""
        return self._put_together([one.reader.latest for one in self._sources.values()])

    @property
    def findings(self) -> list[Finding]:
        """What was found at each source."""
        return [
            Finding(f"{source.label}: {finding.message}", finding.mend)
            for source in self._sources.values()
            for finding in source.reader.findings
        ]

    def current(self) -> Snapshot:
        """The last snapshots; each is read anew when it is older than the poll interval."""
        return self._put_together(
            [one.reader.current() for one in self._sources.values()]
        )

    def refresh(self) -> Snapshot:
        """Read every source now."""
        return self._put_together(
            [one.reader.refresh() for one in self._sources.values()]
        )

    def _put_together(self, snapshots: Sequence[Snapshot]) -> Snapshot:
        """The snapshot of these, or a later one that was made already."""
        seq = sum(snapshot.seq for snapshot in snapshots)
        with self._making:
            made = self._made
            if made is None or made.seq < seq:
                labels = {name: one.label for name, one in self._sources.items()}
                made = self._made = _not_before(made, together(snapshots, labels))
            return made


def _not_before(before: Snapshot | None, made: Snapshot) -> Snapshot:
    """``made``; when a source is lost, its rows are as old as they were before."""
    if before is None or made.trouble is None:
        return made
    instants = [at for at in (before.read_at, made.read_at) if at is not None]
    return replace(made, read_at=max(instants, default=None))


@dataclass(frozen=True, kw_only=True)
class AllSources:
    """All sources, to be asked like one."""

    engine: AllEngine
    reader: AllReader
    name: str = ALL
    label: str = "All sources"


def all_of(sources: Mapping[str, Source]) -> AllSources:
    """All of these, to be asked like one."""
    return AllSources(engine=AllEngine(sources), reader=AllReader(sources))


def together(snapshots: Sequence[Snapshot], labels: Mapping[str, str]) -> Snapshot:
    """One snapshot of all: ids renamed, figures added up.

    It is as old as the oldest of those that can be read.
    """
    up = [one for one in snapshots if not one.trouble] or snapshots
    instants = [one.read_at for one in up if one.read_at is not None]
    verdicts: dict[str, Any] = {}
    anomalies: dict[str, Any] = {}
    for one in snapshots:
        judged, odd = one.judgement
        verdicts |= {joined(one.source, id_): what for id_, what in judged.items()}
        anomalies |= {joined(one.source, id_): what for id_, what in odd.items()}
    return Snapshot(
        source=ALL,
        seq=sum(one.seq for one in snapshots),
        read_at=min(instants, default=None),
        jobs=tuple(renamed(one.source, job) for one in snapshots for job in one.jobs),
        counts=_added(one.counts for one in snapshots),
        judgement=Judgement(verdicts, anomalies),
        judged=all(one.judged for one in snapshots),
        recent=recent_together([one.recent for one in snapshots if one.recent]),
        trouble=_trouble_of(snapshots, labels),
        read_only_reason=_of_all([one.read_only_reason for one in snapshots]),
        no_start_reason=_of_all([one.no_start_reason for one in snapshots]),
        every_ms=max((one.every_ms for one in snapshots), default=0),
    )


def recent_together(days: Sequence[Recent]) -> Recent | None:
    """The figures of several sources added up; None of none."""
    if not days:
        return None
    return Recent(
        as_of=min(day.as_of for day in days),
        since=min(day.since for day in days),
        succeeded=sum(day.succeeded for day in days),
        failed=sum(day.failed for day in days),
        weeks=_weeks_together([day.weeks for day in days]),
        failed_by_job=_added_counts(day.failed_by_job for day in days),
        known_since=max(day.known_since for day in days),
        rated_by_hour=tuple(
            (sum(good for good, _ in rated), sum(bad for _, bad in rated))
            for rated in zip(*(day.rated_by_hour for day in days), strict=True)
        ),
        rates_from=max(
            (day.rates_from for day in days if day.rates_from is not None), default=None
        ),
        succeeded_by_hour=_added_up(day.succeeded_by_hour for day in days),
        failed_by_hour=_added_up(day.failed_by_hour for day in days),
        running_by_hour=_added_up(day.running_by_hour for day in days),
        pending_by_hour=_added_up(day.pending_by_hour for day in days),
        stalled_by_day=_added_up(day.stalled_by_day for day in days),
        complete=all(day.complete for day in days),
    )


def _of_all(reasons: Sequence[str]) -> str:
    """Each reason once, where all have one; "" where one source can."""
    return " ".join(dict.fromkeys(reasons)) if all(reasons) else ""


def _trouble_of(
    snapshots: Sequence[Snapshot], labels: Mapping[str, str]
) -> Trouble | None:
    down = [(one, one.trouble) for one in snapshots if one.trouble]
    if not down:
        return None
    instants = [one.read_at for one, _ in down if one.read_at is not None]
    return Trouble(
        since=min(trouble.since for _, trouble in down),
        unreachable=all(trouble.unreachable for _, trouble in down),
        message=" ".join(trouble.message for _, trouble in down),
        mend="\n".join(trouble.mend for _, trouble in down if trouble.mend),
        where=", ".join(labels[one.source] for one, _ in down),
        partial=len(down) < len(snapshots),
        data_from=min(instants, default=None),
    )


def _added(counts: Iterable[Mapping[JobState, int]]) -> dict[JobState, int]:
    total: Counter[JobState] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _added_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """By name: two sources may have a type of one name."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _weeks_together(weeks: Sequence[Weeks | None]) -> Weeks | None:
    """The sums; None when those of one source are not known."""
    known = [one for one in weeks if one is not None]
    if len(known) < len(weeks):
        return None
    return Weeks(
        failed=sum(one.failed for one in known),
        finished=sum(one.finished for one in known),
        failed_before=sum(one.failed_before for one in known),
        finished_before=sum(one.finished_before for one in known),
        until=max(one.until for one in known),
        cancelled=sum(one.cancelled for one in known),
        cancelled_before=sum(one.cancelled_before for one in known),
    )


def _added_up(rows: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))


def _order(job: Job) -> tuple[int, int]:
    """Open runs by when they were enqueued, finished ones by their end; newest first.

    Last come those whose end is no instant.
    """
    ended = job.finished_at
    if "finished_at" in dict(job.odd) or not is_in_calendar(ended or 0):
        return 2, 0
    at = job.enqueued_at if ended is None else ended
    return int(ended is not None), -(at or 0)


def _until(horizon: int | None, name: str, jobs: Iterable[Job]) -> Iterable[Job]:
    """What comes before where a search was stopped: what lies beyond it is unknown."""
    for job in jobs:
        if horizon is not None and _order(job) > (1, -horizon):
            return
        yield renamed(name, job)


def _is_over(page: RunPage, taken: int) -> bool:
    """Was every run of a source shown, and has it nothing older?"""
    return taken == len(page.jobs) and page.next is None


def _goes_on_at(start: str | None, page: RunPage, taken: int) -> str | None:
    """Where the next page of a source begins, of which so many runs were shown."""
    if taken == len(page.jobs):
        return page.next
    return page.cursors[taken - 1] if taken else start


def _text_for(name: str, text: str) -> str:
    """An id of all sources is, for its own source, the id there."""
    source, rest = parted(text)
    return rest if source == name else text


def _cursor_of(ahead: Mapping[str, str | None]) -> str | None:
    """A cursor for each source that has more; as long as those that engines make."""
    if not ahead:
        return None
    return json.dumps(dict(ahead), ensure_ascii=False, separators=(",", ":"))


def _starts_of(
    after: str | None, sources: Mapping[str, Source]
) -> dict[str, str | None]:
    """Where the page of each source begins."""
    if after is None:
        return dict.fromkeys(sources)
    try:
        found = json.loads(after)
    except (ValueError, RecursionError):
        found = None
    starts = found if isinstance(found, dict) else {}
    cursors = all(isinstance(start, str | None) for start in starts.values())
    if not starts or not cursors or starts.keys() - sources.keys():
        message = 'This is no page\'s "next": start again without "after".'
        raise InvalidRequestError(message)
    return starts
