"""The charts for programs: their numbers as JSON, and as CSV."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from dashboard.api.errors import RESPONSES
from dashboard.api.export import Lines, csv_text, safe
from dashboard.auth import require
from dashboard.deps import Action, Deps
from dashboard.trends.asked import question_of
from dashboard.trends.metrics import METRICS
from dashboard.views.trends import Cell, Question, Trend, csv_cell, json_rows
from dashboard.views.trends_range import CUSTOM, RANGE
from data.clock import now_ms
from data.exceptions import InvalidRequestError

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: RESPONSES[status] for status in (403, 404, 422, 503)
}
_Metric = Annotated[str, Path(description=f"one of {', '.join(METRICS)}")]
_Text = Annotated[str, Query(max_length=500)]
_Range = Literal["24h", "7d", "30d", "90d", "custom"]


def _day(alias: str) -> Any:
    words = f"a day like 2026-03-18, UTC; with range={CUSTOM}"
    return Query(alias=alias, max_length=40, description=words)


class TrendAnswer(BaseModel):
    """One metric over time; instants are epoch ms, durations ms, shares 0 to 1."""

    metric: str
    title: str
    #: name of the source, "" for all of them
    source: str
    #: job type, "" for all of them
    job: str
    since: int
    until: int
    #: how long a row's step is; 0 where a row is no step
    step_ms: int
    #: what stands beside the chart's heading
    words: str
    #: what stands below the chart: how it is measured, what is missing
    note: str
    #: oldest first; null where nothing is known
    rows: list[dict[str, Cell]]


def _words(
    range_: Annotated[_Range, Query(alias="range")] = RANGE,
    first: Annotated[str, _day("from")] = "",
    last: Annotated[str, _day("to")] = "",
    job: _Text = "",
    source: _Text = "",
) -> dict[str, str]:
    if (first or last) and range_ != CUSTOM:
        message = f"from and to are days of a range of your own: add range={CUSTOM}."
        raise InvalidRequestError(message)
    return {"range": range_, "from": first, "to": last, "job": job, "source": source}


_Words = Annotated[dict[str, str], Depends(_words)]


def register(router: APIRouter, deps: Deps) -> None:
    """Attach ``/trends/{metric}.csv`` and ``/trends/{metric}``."""

    @router.get(
        "/trends/{metric}.csv",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}}}, **_RESPONSES},
    )
    def trend_csv(metric: _Metric, words: _Words) -> Response:
        """The rows of ``/api/trends/{metric}`` as CSV; instants are UTC."""
        require(deps.viewer(), Action.EXPORT)
        _, trend = _asked(deps, metric, words)
        return Lines(_lines(trend), lambda: None, metric)

    @router.get("/trends/{metric}", responses=_RESPONSES)
    def trend(metric: _Metric, words: _Words) -> TrendAnswer:
        """What a chart of the trends page shows, as numbers."""
        question, found = _asked(deps, metric, words)
        span = question.span
        return TrendAnswer(
            metric=metric,
            title=METRICS[metric].title,
            source=question.source,
            job=question.job,
            since=span.since,
            until=span.until,
            step_ms=found.step_ms,
            words=found.words,
            note=found.note,
            rows=json_rows(found),
        )


def _asked(deps: Deps, name: str, words: dict[str, str]) -> tuple[Question, Trend]:
    """What is asked, and its answer; 404 for a metric that there is not."""
    if name not in METRICS:
        message = f"There is no metric {name[:40]!r}. Metrics: {', '.join(METRICS)}"
        raise HTTPException(404, message)
    question = question_of(deps, words, now_ms(deps.clock))
    return question, METRICS[name].read(deps.store, question)


def _lines(trend: Trend) -> Iterator[str]:
    yield csv_text([[column.name for column in trend.columns]])
    yield csv_text(
        [
            [
                _cell(cell, csv_cell(cell, column.kind))
                for cell, column in zip(row, trend.columns, strict=True)
            ]
            for row in trend.rows
        ]
    )


def _cell(cell: Cell, text: str) -> str:
    """Numbers stay numbers; a text must not become a formula."""
    return safe(text) if isinstance(cell, str) else text
