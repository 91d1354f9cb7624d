"""The overview as plain JSON: made once a snapshot, the same for every viewer."""

from collections.abc import Collection
from typing import TypedDict

from dashboard.format import count, in_words, shorten_name
from dashboard.views.active import ActiveView, active_view
from dashboard.views.tiles import TileView, tiles_view
from data.engines.base import Finding
from data.model import Snapshot
from data.rules.number_text import things
from data.rules.stalls import StallLimits
from data.rules.units import FIXES

#: Job types named in the banner; the others are counted.
_NAMED_TYPES = 3
_TYPE_LENGTH = 40


class BannerView(TypedDict):
    """The stalled banner; ``count`` 0 hides it."""

    count: int
    title: str
    detail: str


class NoticeView(TypedDict):
    """Something to mend, and the command that helps ("" for none)."""

    message: str
    mend: str


class TroubleView(TypedDict):
    """Why the data is old: since when, and from when it is (None: there is none)."""

    title: str
    #: other sources can be read
    partial: bool
    since: int
    read_at: int | None
    message: str
    mend: str


class OverviewView(TypedDict):
    """Everything the overview shows."""

    tiles: dict[str, TileView]
    banner: BannerView
    active: ActiveView
    trouble: TroubleView | None
    #: why there are no actions, "" when there are
    read_only: str
    #: why no run can be started, "" when one can
    no_start: str
    notices: list[NoticeView]


def overview_view(
    snapshot: Snapshot, limits: StallLimits, findings: list[Finding]
) -> OverviewView:
    """What the overview of one source shows at this snapshot."""
    return OverviewView(
        tiles=tiles_view(snapshot),
        banner=banner_view(snapshot, limits),
        active=active_view(snapshot, limits),
        trouble=_trouble(snapshot),
        read_only=snapshot.read_only_reason,
        no_start=_why_no_start(snapshot),
        notices=[
            *(NoticeView(message=f.message, mend=f.mend) for f in findings),
            *_unit_notices(snapshot, {f.mend for f in findings}),
        ],
    )


def _unit_notices(snapshot: Snapshot, told: Collection[str]) -> list[NoticeView]:
    """Open runs whose instants are no milliseconds, by the unit that they seem to be in.

    Where a finding has ``told`` of it nothing is said twice.
    """
    anomalies = snapshot.judgement.anomalies
    found = []
    for unit, fix in FIXES.items():
        ids = {run_id for run_id, what in anomalies.items() if what is unit}
        names = {
            shorten_name(job.job_name, _TYPE_LENGTH)
            for job in snapshot.jobs
            if job.run_id in ids
        }
        if ids and fix not in told:
            message = (
                f"{things(len(ids), 'open run')} with a {unit.value}, where milliseconds"
                f" are meant: not judged · {_listed(sorted(names))}"
            )
            found.append(NoticeView(message=message, mend=fix))
    return found


def banner_view(snapshot: Snapshot, limits: StallLimits) -> BannerView:
    """The words of the stalled banner."""
    verdicts = snapshot.judgement.verdicts
    names = {
        shorten_name(job.job_name, _TYPE_LENGTH)
        for job in snapshot.jobs
        if job.run_id in verdicts
    }
    own = " or longer than their own limit" if limits.by_type else ""
    rule = f"Running for more than {in_words(limits.default_ms)}"
    return BannerView(
        count=len(verdicts),
        title=f"{count(len(verdicts))} job(s) may be stalled",
        detail=f"{rule} without completion{own} · {_listed(sorted(names))}",
    )


def _why_no_start(snapshot: Snapshot) -> str:
    if snapshot.trouble is not None and not snapshot.trouble.partial:
        return "No job can be started while the source cannot be read."
    return snapshot.no_start_reason


def _trouble(snapshot: Snapshot) -> TroubleView | None:
    trouble = snapshot.trouble
    if trouble is None:
        return None
    unreachable = "Database unreachable"
    title = unreachable if trouble.unreachable else "Job table not readable"
    return TroubleView(
        title=f"{trouble.where}: {title}" if trouble.where else title,
        partial=trouble.partial,
        since=trouble.since,
        read_at=trouble.data_from if trouble.partial else snapshot.read_at,
        message=trouble.message,
        mend=trouble.mend,
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_TYPES])
    rest = len(names) - _NAMED_TYPES
    return f"{shown} and {count(rest)} more types" if rest > 0 else shown
