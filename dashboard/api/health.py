"""Is it alive, is it ready, what does Prometheus read."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from fastapi import FastAPI
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dashboard.deps import Deps
from dashboard.metrics import registry
from dashboard.offload import offload
from dashboard.urls import below
from data.deadlines import bounded

#: How long the store may take to show that it answers, in seconds.
_STORE_LIMIT_S: Final = 3.0


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

    def readyz() -> Response:
        state = readiness(deps)
        return JSONResponse(state, 200 if state["ready"] else 503)

    def read_metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics), media_type=kind)

    # threads of their own: they answer while others wait for a database
    server.get(path("readyz"))(offload(readyz, lane="readyz"))
    server.get(path("metrics"))(offload(read_metrics, lane="metrics"))


def readiness(deps: Deps) -> dict[str, Any]:
    """Store and sources: "ok", or why not."""
    with ThreadPoolExecutor(max(1, len(deps.sources)), "readyz") as threads:
        snapshots = threads.map(deps.snapshot, deps.sources)  # one waits for no other
        sources = {
            name: snapshot.trouble.message if snapshot.trouble else "ok"
            for name, snapshot in zip(deps.sources, snapshots, strict=True)
        }
    with bounded(_STORE_LIMIT_S):
        store = deps.store.problem()
    ready = not store and all(state == "ok" for state in sources.values())
    return {"ready": ready, "store": store or "ok", "sources": sources}
