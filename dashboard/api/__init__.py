"""Routes for programs: is it alive, and everything that people can do, as JSON."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from dashboard.api import (
    acting,
    alerts,
    audit,
    errors,
    export,
    health,
    reading,
    schema,
    telemetry,
    tracked,
    trends,
)
from dashboard.api.exact_body import ExactRoute
from dashboard.deps import Deps
from dashboard.urls import below


def register(server: FastAPI, deps: Deps, viewers: Callable[[], int]) -> None:
    """Attach every route; ``viewers`` counts live links."""
    release = version("job-manager")
    health.register(server, deps, viewers, release)
    prefix = deps.look.prefix
    callbacks = below(prefix, "_dash-update-component")
    errors.register(server, below(prefix, "api/"), callbacks=callbacks)
    router = _routes(deps)
    schema.register(router, release)
    server.include_router(router)


def description(deps: Deps) -> dict[str, Any]:
    """OpenAPI of every route for programs."""
    return schema.document(_routes(deps), version("job-manager"))


def _routes(deps: Deps) -> APIRouter:
    router = APIRouter(prefix=below(deps.look.prefix, "api"), route_class=ExactRoute)
    parts = (reading, acting, export, audit, tracked, telemetry, alerts, trends)
    for part in parts:
        part.register(router, deps)
    return router
