"""The six tiles of the overview as words and numbers."""

from collections.abc import Callable
from typing import TypedDict

from dashboard.format import count, percent, shorten
from dashboard.ids import Tiles
from dashboard.views.active import NAME_LENGTH
from dashboard.views.spark import spark_points
from data.clock import DAY_MS, MINUTE_MS
from data.model import JobState, Recent, Snapshot, Weeks
from data.rules.metrics import error_rate
from data.rules.number_text import rate_a_day
from data.rules.stall_frequency import mean_a_day
from data.rules.units import unit_of
from data.rules.weeks import in_short, rate_change, succeeded_change
from data.store.job_types import OTHER


class TileView(TypedDict, total=False):
    """One tile: what it says, and a note below."""

    value: str
    note: str
    #: an instant whose age the browser puts behind the note, epoch ms
    since: int | None
    #: an instant that the browser puts behind the note, epoch ms
    at: int
    #: points of the sparkline, "" for none
    spark: str
    #: "bad" or "warn" when the number asks for attention
    tone: str


def tiles_view(snapshot: Snapshot) -> dict[str, TileView]:
    """All tiles by element id; "—" where nothing is known yet.

    Sparklines end with the last whole hour: the present one would always fall.
    """
    if snapshot.read_at is None:
        return {tile: TileView(value="—", note="", spark="") for tile in _ALL}
    day = _day_tiles(snapshot.recent)
    return {**_live_tiles(snapshot), **_dated(day, snapshot)}


#: Rollups are made anew every few seconds; older than this they are not kept up.
_OLD_MS = 2 * MINUTE_MS
_ALL = (
    Tiles.RUNNING,
    Tiles.PENDING,
    Tiles.SUCCEEDED,
    Tiles.FAILED,
    Tiles.ERROR_RATE,
    Tiles.STALLED,
)


def _live_tiles(snapshot: Snapshot) -> dict[str, TileView]:
    counts, recent = snapshot.counts, snapshot.recent
    stalled = len(snapshot.judgement.verdicts)
    waiting = [
        job.enqueued_at
        for job in snapshot.jobs
        if job.state is JobState.PENDING
        and job.enqueued_at is not None
        and not unit_of(job.enqueued_at)
    ]
    scheduled = counts.get(JobState.SCHEDULED, 0)
    later = f"{count(scheduled)} scheduled" if scheduled else "nothing waits"
    return {
        Tiles.RUNNING: TileView(
            value=count(counts.get(JobState.RUNNING, 0)),
            note=_running_note(stalled, snapshot),
            spark=spark_points(recent.running_by_hour[:-1]) if recent else "",
        ),
        Tiles.PENDING: TileView(
            value=count(counts.get(JobState.PENDING, 0)),
            note="oldest" if waiting else later,
            since=min(waiting, default=None),
            spark=spark_points(recent.pending_by_hour[:-1]) if recent else "",
        ),
        Tiles.STALLED: _stalled_tile(stalled, recent, judged=snapshot.judged),
    }


def _dated(day: dict[str, TileView], snapshot: Snapshot) -> dict[str, TileView]:
    """Figures that could not be kept up to date say from when they are."""
    recent, read_at = snapshot.recent, snapshot.read_at or 0
    if recent is None or read_at - recent.as_of < _OLD_MS:
        return day
    return {
        id_: {**tile, "note": "as of", "at": recent.as_of} for id_, tile in day.items()
    }


def _running_note(stalled: int, snapshot: Snapshot) -> str:
    if not snapshot.judged:
        return ""
    odd = snapshot.judgement.anomalies
    unknown = sum(
        job.state is JobState.RUNNING and job.run_id in odd for job in snapshot.jobs
    )
    if unknown and not stalled:
        return f"{count(unknown)} not judged"
    return f"{count(stalled)} past their limit" if stalled else "all in time"


def _stalled_tile(stalled: int, recent: Recent | None, *, judged: bool) -> TileView:
    if not judged:
        return TileView(value="—", note="detection is off", spark="")
    often = rate_a_day(_stalled_a_day(recent)) if recent else ""
    return TileView(
        value=count(stalled),
        note=f"{often}, last 7 d" if often else "",
        spark=spark_points(recent.stalled_by_day) if recent else "",
        tone="warn" if stalled else "",
    )


def _stalled_a_day(recent: Recent) -> float | None:
    """The mean of the whole days (UTC) of which everything is known."""
    today = recent.as_of // DAY_MS * DAY_MS
    first = today - DAY_MS * (len(recent.stalled_by_day) - 1)
    by_day = dict(
        zip(range(first, today + 1, DAY_MS), recent.stalled_by_day, strict=True)
    )
    return mean_a_day(by_day, max(first, recent.known_since), today)


def _day_tiles(recent: Recent | None) -> dict[str, TileView]:
    """The tiles over the last day; words say so while the first read goes on."""
    if recent is None:
        pending = TileView(value="—", note="reading history…", spark="")
        return dict.fromkeys((Tiles.SUCCEEDED, Tiles.FAILED, Tiles.ERROR_RATE), pending)
    unread = "" if recent.complete else "reading history…"
    top = top_failing(recent)
    rate = error_rate(*map(sum, zip(*recent.rated_by_hour, strict=True)))
    return {
        Tiles.SUCCEEDED: TileView(
            value=count(recent.succeeded),
            note=unread or _compared(succeeded_change, recent),
            spark=spark_points(recent.succeeded_by_hour[:-1]),
        ),
        Tiles.FAILED: TileView(
            value=count(recent.failed),
            note=f"top: {shorten(top, NAME_LENGTH)}" if top else "none failed",
            spark=spark_points(recent.failed_by_hour[:-1]),
        ),
        Tiles.ERROR_RATE: TileView(
            value=percent(rate),
            spark=spark_points(_rates(recent)[:-1]),
            **_rate_note(recent, unread, rate),
        ),
    }


def top_failing(recent: Recent) -> str | None:
    """The job type with most failures; of several the first by name, "other" the last."""
    failed = recent.failed_by_job
    return min(
        failed, key=lambda name: (name == OTHER, -failed[name], name), default=None
    )


def _rates(recent: Recent) -> list[float]:
    return [error_rate(good, bad) or 0.0 for good, bad in recent.rated_by_hour]


def _rate_note(recent: Recent, unread: str, rate: float | None) -> TileView:
    """What stands below the error rate; of what is not known, from when on it will be."""
    from_ = recent.rates_from
    if from_ is not None and from_ > recent.since:
        return TileView(note="rows deleted; counted from", at=from_)
    said = "nothing finished" if rate is None else _compared(rate_change, recent)
    return TileView(note=unread or said)


def _compared(change: Callable[[Weeks], str], recent: Recent) -> str:
    """The change of the last seven days, as on the page of trends."""
    return in_short(change(recent.weeks), recent.weeks) if recent.weeks else ""
