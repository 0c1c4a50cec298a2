"""Pages that are open to everybody: the API's description and what its problems mean, from the contracts folder."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from chassis import NotFound
from gateway import contracts
from gateway.settings import Settings

pages = APIRouter(include_in_schema=False)
HERE = Path(__file__).parent
ALONE = (
    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page of the docs is one file: it loads nothing but the document, and stands in nobody's frame."""


def _folder(request: Request) -> Path:
    settings: Settings = request.app.state.service.settings
    return settings.contracts


@pages.get("/openapi.json")
async def read_openapi(request: Request) -> Response:
    """The merged OpenAPI document."""
    return Response((_folder(request) / "openapi.json").read_bytes(), media_type="application/json")


@pages.get("/asyncapi.json")
async def read_asyncapi(request: Request) -> Response:
    """The events, as AsyncAPI."""
    return Response((_folder(request) / "asyncapi.json").read_bytes(), media_type="application/json")


@pages.get("/docs")
async def read_docs() -> Response:
    """A page that shows the OpenAPI document; it needs nothing from elsewhere."""
    headers = {"Content-Security-Policy": ALONE}
    return Response((HERE / "docs.html").read_bytes(), headers=headers, media_type="text/html; charset=utf-8")


@pages.get("/problems/{name}")
async def read_problem(request: Request, name: str) -> Response:
    """What a problem's `type` points to."""
    known: dict[str, Any] = contracts.openapi(_folder(request))["x-problems"]
    found = known.get(name.replace("-", "_"))
    if found is None:
        raise NotFound
    text = f"{name.replace('-', '_')} ({found['status']})\n\n{found['title']}\n"
    return Response(text, media_type="text/plain; charset=utf-8")
