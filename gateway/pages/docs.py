"""Documentation that is open to everyone: the API's contracts, a page that shows them, and the meaning of problems."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from starlette.routing import Route

from chassis import NotFound, ValidationFailed
from chassis.http.context import context_of
from chassis.types import json
from gateway import contracts
from gateway.pages.bundle import bundled_asyncapi
from gateway.pages.documents import Document
from gateway.settings import Settings

PAGE = Path(__file__).parent / "docs.html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page is a single file: it loads nothing but the OpenAPI document, and no other page may frame it."""


async def read_openapi(request: Request) -> Response:
    """Return the merged OpenAPI document."""
    return _openapi(_folder(request)).respond(request)


async def read_asyncapi(request: Request) -> Response:
    """Return the events, as an AsyncAPI document in a single file."""
    return _asyncapi(_folder(request)).respond(request)


async def read_docs(request: Request) -> Response:
    """Return a page that shows the OpenAPI document. It loads nothing from other sites."""
    return _page().respond(request)


async def open_docs(_: Request) -> Response:
    """Send a browser that opens the address of the API to its documentation."""
    return Response(status_code=307, headers={"Location": "/docs"})


async def read_favicon(_: Request) -> Response:
    """Return no icon. Browsers ask for it, and a 404 would look like an error."""
    return Response(status_code=204, headers={"Cache-Control": "max-age=86400"})


async def read_problem(request: Request) -> Response:
    """Return the meaning of a problem and what to do, at the address of its `type`."""
    code = request.path_params["name"].replace("-", "_")
    document = contracts.openapi(_folder(request))
    problem: dict[str, Any] | None = document["x-problems"].get(code)
    if problem is None:
        raise NotFound
    lines = [f"{code} ({problem['status']})", problem["title"], problem["explanation"]]
    if code == ValidationFailed.code:
        lines += [f"{name}: {each['cause']} {each['remedy']}" for name, each in document["x-field-codes"].items()]
    return Response("\n\n".join(lines) + "\n", media_type="text/plain; charset=utf-8")


def _folder(request: Request) -> Path:
    settings = context_of(request).settings
    assert isinstance(settings, Settings)
    return settings.contracts


@cache
def _openapi(folder: Path) -> Document:
    return Document((folder / "openapi.json").read_bytes(), "application/json")


@cache
def _asyncapi(folder: Path) -> Document:
    return Document(json.dumps(bundled_asyncapi(folder)), "application/json")


@cache
def _page() -> Document:
    return Document(PAGE.read_bytes(), "text/html; charset=utf-8", {"Content-Security-Policy": CONTENT_SECURITY_POLICY})


routes = (
    Route("/", open_docs),
    Route("/favicon.ico", read_favicon),
    Route("/openapi.json", read_openapi),
    Route("/asyncapi.json", read_asyncapi),
    Route("/docs", read_docs),
    Route("/problems/{name}", read_problem),
)
