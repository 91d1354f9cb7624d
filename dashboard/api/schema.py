"""The description of the routes for programs."""

from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi


def register(router: APIRouter, release: str) -> None:
    """Attach ``/openapi.json``."""

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return document(router, release)


def document(router: APIRouter, release: str) -> dict[str, Any]:
    """OpenAPI of everything in ``router``."""
    return get_openapi(
        title="Job Manager",
        version=release,
        summary="Reads runs and acts on them, with the rights of whoever asks.",
        routes=router.routes,
    )
