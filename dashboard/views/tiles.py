"""The six tiles of the overview as words and numbers."""

from typing import TypedDict

from dashboard.format import change, count, percent, shorten
from dashboard.ids import Tiles
from dashboard.views.active import NAME_LENGTH
from dashboard.views.spark import spark_points
from data.clock import MINUTE_MS
from data.model import JobState, Recent, Snapshot


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
        if job.state is JobState.PENDING and job.enqueued_at is not None
    ]
    scheduled = counts.get(JobState.SCHEDULED, 0)
    later = f"{count(scheduled)} scheduled" if scheduled else "nothing waits"
    by_day = recent.stalled_by_day if recent else ()
    return {
        Tiles.RUNNING: TileView(
            value=count(counts.get(JobState.RUNNING, 0)),
            note=_running_note(stalled, judged=snapshot.judged),
            spark=spark_points(recent.running_by_hour[:-1]) if recent else "",
        ),
        Tiles.PENDING: TileView(
            value=count(counts.get(JobState.PENDING, 0)),
            note="oldest" if waiting else later,
            since=min(waiting, default=None),
            spark=spark_points(recent.pending_by_hour[:-1]) if recent else "",
        ),
        Tiles.STALLED: _stalled_tile(stalled, by_day, judged=snapshot.judged),
    }


def _dated(day: dict[str, TileView], snapshot: Snapshot) -> dict[str, TileView]:
    """Figures that could not be kept up to date say from when they are."""
    recent, read_at = snapshot.recent, snapshot.read_at or 0
    if recent is None or read_at - recent.as_of < _OLD_MS:
        return day
    return {
        id_: {**tile, "note": "as of", "at": recent.as_of} for id_, tile in day.items()
    }


def _running_note(stalled: int, *, judged: bool) -> str:
    if not judged:
        return ""
    return f"{count(stalled)} past their limit" if stalled else "all in time"


def _stalled_tile(stalled: int, by_day: tuple[int, ...], *, judged: bool) -> TileView:
    if not judged:
        return TileView(value="—", note="detection is off", spark="")
    return TileView(
        value=count(stalled),
        note=f"{sum(by_day) / len(by_day):.1f} a day this week" if by_day else "",
        spark=spark_points(by_day),
        tone="warn" if stalled else "",
    )


def _day_tiles(recent: Recent | None) -> dict[str, TileView]:
    """The tiles over the last day; words say so while the first read goes on."""
    if recent is None:
        pending = TileView(value="—", note="reading history…", spark="")
        return dict.fromkeys((Tiles.SUCCEEDED, Tiles.FAILED, Tiles.ERROR_RATE), pending)
    unread = "" if recent.complete else "reading history…"
    top = recent.top_failing
    rate = _rate(recent.succeeded, recent.failed)
    before = _rate(recent.succeeded_before, recent.failed_before)
    return {
        Tiles.SUCCEEDED: TileView(
            value=count(recent.succeeded),
            note=unread or change(recent.succeeded, recent.succeeded_before),
            spark=spark_points(recent.succeeded_by_hour[:-1]),
        ),
        Tiles.FAILED: TileView(
            value=count(recent.failed),
            note=f"top: {shorten(top, NAME_LENGTH)}" if top else "none failed",
            spark=spark_points(recent.failed_by_hour[:-1]),
        ),
        Tiles.ERROR_RATE: TileView(
            value=percent(rate),
            note=unread or _rate_note(rate, before),
            spark=spark_points(_rates(recent)[:-1]),
        ),
    }


def _rate(succeeded: float | None, failed: float | None) -> float | None:
    """FAILED / (SUCCEEDED + FAILED); None when nothing finished or is known."""
    if succeeded is None or failed is None or succeeded + failed == 0:
        return None
    return failed / (succeeded + failed)


def _rates(recent: Recent) -> list[float]:
    pairs = zip(recent.succeeded_by_hour, recent.failed_by_hour, strict=True)
    return [_rate(succeeded, failed) or 0.0 for succeeded, failed in pairs]


def _rate_note(rate: float | None, before: float | None) -> str:
    if rate is None:
        return "nothing finished"
    said = change(rate, before)
    arrow = {"+": "▲ ", "−": "▼ "}.get(said[:1], "")
    return arrow + said[1:] if arrow else said
