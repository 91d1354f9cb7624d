"""Is it alive, is it ready, what does Prometheus read."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dashboard.deps import Deps
from dashboard.metrics import registry
from dashboard.urls import below


def register(
    server: FastAPI, deps: Deps, viewers: Callable[[], int], release: str
) -> None:
    """Attach ``/healthz``, ``/readyz`` and ``/metrics``; ``viewers`` counts live links."""
    metrics = registry(deps, viewers, release)

    def path(name: str) -> str:
        return below(deps.look.prefix, name)

    @server.get(path("healthz"))
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @server.get(path("api/build"))
    async def build() -> Response:
        return JSONResponse({"build": deps.build, "version": release})

    @server.get(path("readyz"))
    def readyz() -> Response:
        state = readiness(deps)
        return JSONResponse(state, 200 if state["ready"] else 503)

    @server.get(path("metrics"))
    def read_metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics), media_type=kind)


def readiness(deps: Deps) -> dict[str, Any]:
    """Store and sources: "ok", or why not."""
    sources = {}
    for name in deps.sources:
        snapshot = deps.snapshot(name)
        sources[name] = snapshot.trouble.message if snapshot.trouble else "ok"
    store = deps.store.problem()
    ready = not store and all(state == "ok" for state in sources.values())
    return {"ready": ready, "store": store or "ok", "sources": sources}
