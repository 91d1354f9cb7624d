"""The words of a query that say which runs are meant."""

from typing import Annotated, Final

from fastapi import Depends, Query

from data.model import JobState, RunFilter

#: Characters of a page's ``next`` at most: a cursor for each of several sources.
CURSOR_LENGTH: Final = 16_000
_MS: Final = Query(ge=0, le=253_402_214_400_000, description="epoch milliseconds")
_Instant = Annotated[int | None, _MS]
_Text = Annotated[str, Query(max_length=500)]


def _filter(  # noqa: PLR0917  # one for each word of the query
    status: Annotated[list[JobState] | None, Query()] = None,
    job: _Text | None = None,
    queue: _Text | None = None,
    q: _Text = "",
    since: _Instant = None,
    until: _Instant = None,
) -> RunFilter:
    return RunFilter(
        states=frozenset(status or ()),
        job_name=job,
        queue=queue,
        since_ms=since,
        until_ms=until,
        text=q,
    )


#: Out of the query; ``status`` may come several times.
Filter = Annotated[RunFilter, Depends(_filter)]
