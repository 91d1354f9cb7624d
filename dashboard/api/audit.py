"""The audit for programs: as JSON, and as CSV."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from dashboard.api.errors import RESPONSES
from dashboard.api.export import Lines, csv_text, safe
from dashboard.api.models import AuditAnswer
from dashboard.auth import require
from dashboard.deps import Action, Deps
from dashboard.views.audit import PAGE, AuditView, audit_row
from data.all_sources import ALL
from data.clock import from_ms
from data.store import Store
from data.store.audit import AuditFilter

_COLUMNS: Final = tuple(field.name for field in fields(AuditView))
_Text = Annotated[str, Query(max_length=500)]
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: RESPONSES[status] for status in (403, 404, 422, 503)
}


def _filter(
    source: _Text = "",
    actor: _Text = "",
    action: _Text = "",
    outcome: _Text = "",
    q: _Text = "",
) -> AuditFilter:
    return AuditFilter(
        actor=actor,
        action=action,
        source="" if source == ALL else source,
        outcome=outcome,
        text=q,
    )


_Filter = Annotated[AuditFilter, Depends(_filter)]


def register(router: APIRouter, deps: Deps) -> None:
    """Attach ``/audit`` and ``/audit.csv``."""

    @router.get("/audit", responses=_RESPONSES)
    def audit(
        filter_: _Filter,
        limit: Annotated[int, Query(ge=1, le=500)] = PAGE,
        after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> AuditAnswer:
        """What was done to runs, newest first."""
        _require_known(deps, filter_)
        rows = deps.store.audit.page(filter_, after=after, limit=limit)
        return AuditAnswer(
            audit=[audit_row(row) for row in rows],
            next=rows[-1].id if len(rows) == limit else None,
        )

    @router.get(
        "/audit.csv",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}}}, **_RESPONSES},
    )
    def audit_csv(filter_: _Filter) -> Response:
        """What ``/api/audit`` lists with the same words, as CSV; instants are UTC."""
        require(deps.viewer(), Action.EXPORT)
        _require_known(deps, filter_)
        return Lines(_lines(deps.store, filter_), lambda: None, "audit")


def _require_known(deps: Deps, filter_: AuditFilter) -> None:
    """Raise UnknownSourceError for a source that is not configured."""
    if filter_.source:
        deps.source(filter_.source)


def _lines(store: Store, filter_: AuditFilter) -> Iterator[str]:
    yield csv_text([_COLUMNS])
    after = None
    while rows := store.audit.page(filter_, after=after, limit=PAGE):
        yield csv_text(
            [[_cell(*item) for item in vars(audit_row(row)).items()] for row in rows]
        )
        after = rows[-1].id


def _cell(name: str, value: object) -> str:
    if name == "at" and isinstance(value, int):
        return from_ms(value).isoformat()
    return safe(value if isinstance(value, str) else json.dumps(value))
