"""What programs may read: sources, the snapshot, runs, stalled runs."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from dashboard.api.errors import RESPONSES
from dashboard.api.filters import CURSOR_LENGTH, Filter
from dashboard.api.models import (
    RunAnswer,
    RunsAnswer,
    SourceAnswer,
    SourcesAnswer,
    StepAnswer,
)
from dashboard.deps import Deps
from dashboard.views.overview import overview_view
from dashboard.views.runs import RunView, run_view
from data.engines.base import Capabilities
from data.exceptions import SourceUnavailableError, UnknownRunError
from data.model import Snapshot

_Text = Annotated[str, Query(max_length=500)]
_Source = Annotated[
    str | None, Query(description="name of the source; without it the first one")
]
_ALL: Final[dict[int | str, dict[str, Any]]] = {
    status: RESPONSES[status] for status in (403, 404, 422, 503)
}


def register(router: APIRouter, deps: Deps) -> None:
    """Attach the routes that change nothing."""

    @router.get("/sources", responses=RESPONSES)
    def sources() -> SourcesAnswer:
        """Every configured source, and what can be done to its runs."""
        return SourcesAnswer(
            sources=[
                SourceAnswer(
                    name=name,
                    label=place.label,
                    actions=_actions_of(place.engine.capabilities),
                    reason=place.engine.capabilities.reason,
                )
                for name, place in deps.sources.items()
            ]
        )

    @router.get("/snapshot", responses=_ALL)
    def snapshot(source: _Source = None) -> dict[str, Any]:
        """What the overview shows, as data."""
        found = deps.snapshot(source)
        findings = deps.findings(source)
        view = overview_view(found, deps.limits, findings)
        head = {"source": found.source, "seq": found.seq, "read_at": found.read_at}
        return {**head, "view": view}

    @router.get("/runs", responses=_ALL)
    def runs(
        filter_: Filter,
        source: _Source = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        after: Annotated[str | None, Query(max_length=CURSOR_LENGTH)] = None,
    ) -> RunsAnswer:
        """Runs, open ones first, then finished ones by their end, newest first."""
        place = deps.place(source)
        page = place.engine.page(filter_, after=after, limit=limit)
        judgement = place.reader.latest.judgement
        return RunsAnswer(
            runs=[run_view(place.name, one, judgement) for one in page.jobs],
            next=page.next,
            searched_to=page.searched_to_ms,
            missing=list(page.missing),
        )

    @router.get("/run", responses=_ALL)
    def run(run_id: _Text, source: _Source = None) -> RunAnswer:
        """One run with its params, result and error."""
        place = deps.place(source)
        details = place.engine.details(run_id)
        if details is None:
            message = f"{place.label} has no run {run_id!r}."
            raise UnknownRunError(message)
        judgement = place.reader.current().judgement
        return RunAnswer(
            run=run_view(place.name, details.job, judgement),
            max_attempts=details.max_attempts,
            params=details.params,
            result=details.result,
            error_type=details.error_type,
            error=details.error,
            cut=sorted(details.cut),
            binary=sorted(details.binary),
            steps=[StepAnswer(**step._asdict()) for step in details.steps],
        )

    @router.get("/stalled", responses=_ALL)
    def stalled(source: _Source = None) -> RunsAnswer:
        """Every stalled run with its verdict."""
        return RunsAnswer(runs=_stalled(deps.snapshot(source)), next=None)


def _stalled(snapshot: Snapshot) -> list[RunView]:
    if snapshot.read_at is None and snapshot.trouble:
        raise SourceUnavailableError(snapshot.trouble.message)
    judgement = snapshot.judgement
    return [
        run_view(snapshot.source, job, judgement)
        for job in snapshot.jobs
        if job.run_id in judgement.verdicts
    ]


def _actions_of(able: Capabilities) -> list[str]:
    named = {
        "clean up": able.clean_up,
        "run jobs": able.enqueue,
        "run again": able.retry,
        "cancel": able.cancel,
    }
    return [action for action, possible in named.items() if possible]
