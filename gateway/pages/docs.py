"""Documentation that is open to everyone: the contracts, pages that show them, the guide, and the problems."""

import json as stdlib_json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from starlette.routing import Route

from chassis import REQUIRED, NotFound, ValidationFailed
from chassis.core.field_errors import FieldError
from chassis.http.context import context_of
from gateway import contracts
from gateway.pages import assets, guide
from gateway.pages.documents import Document
from gateway.settings import Settings

PROBLEM_PAGES = "/problems/"


async def read_openapi(request: Request) -> Response:
    """Return the merged OpenAPI document."""
    return _openapi(_folder(request)).respond(request)


async def read_asyncapi(request: Request) -> Response:
    """Return the events, as an AsyncAPI document."""
    return _asyncapi(_folder(request)).respond(request)


async def read_docs(request: Request) -> Response:
    """Return a page that shows the OpenAPI document. It loads nothing from other sites."""
    return _docs().respond(request)


async def try_operations(request: Request) -> Response:
    """Return a page on which requests can be sent: Swagger UI, from this system's own files."""
    return _try().respond(request)


async def read_guide(request: Request) -> Response:
    """Return a page of the guide."""
    return guide.read_page(request.path_params.get("name", guide.INDEX)).respond(request)


async def read_asset(request: Request) -> Response:
    """Return a file of the pages. The address of the current release may be kept for a year."""
    document = assets.asset(request.path_params["name"])
    is_current = request.path_params["digest"] == assets.digest()
    return document.respond(request, assets.KEPT_FOR_A_YEAR if is_current else None)


async def open_docs(_: Request) -> Response:
    """Send a browser that opens the address of the API to its documentation."""
    return Response(status_code=307, headers={"Location": "/docs"})


async def read_favicon(request: Request) -> Response:
    """Return the icon, which browsers also ask for without a page."""
    return assets.asset("favicon.svg").respond(request, {"Cache-Control": "max-age=86400"})


async def read_problem(request: Request) -> Response:
    """Return the meaning of a problem, what to do, and an example, at the address of its `type`."""
    code = request.path_params["name"].replace("-", "_")
    document = contracts.openapi(_folder(request))
    problem: dict[str, Any] | None = document["x-problems"].get(code)
    if problem is None:
        raise NotFound
    lines = [f"{code} ({problem['status']})", problem["title"], problem["explanation"]]
    if code == ValidationFailed.code:
        lines += [f"{name}: {each['cause']} {each['remedy']}" for name, each in document["x-field-codes"].items()]
    lines += ["An example:", stdlib_json.dumps(_example(code, problem), indent=2)]
    return Response("\n\n".join(lines) + "\n", media_type="text/plain; charset=utf-8")


def _example(code: str, problem: dict[str, Any]) -> dict[str, Any]:
    example = {
        "type": f"{PROBLEM_PAGES}{code.replace('_', '-')}",
        "title": problem["title"],
        "status": problem["status"],
        "detail": problem["title"],
        "instance": "/v1/customers",
        "code": code,
        "errors": [],
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    if code == ValidationFailed.code:
        error = FieldError(location="body", pointer="/kind", code=REQUIRED, detail="is required")
        example |= {"detail": "kind: is required", "errors": [error.model_dump(by_alias=True)]}
    return example


def _folder(request: Request) -> Path:
    settings = context_of(request).settings
    assert isinstance(settings, Settings)
    return settings.contracts


@cache
def _openapi(folder: Path) -> Document:
    return Document((folder / "openapi.json").read_bytes(), "application/json")


@cache
def _asyncapi(folder: Path) -> Document:
    return Document((folder / "asyncapi.json").read_bytes(), "application/json")


@cache
def _docs() -> Document:
    return assets.page("docs")


@cache
def _try() -> Document:
    return assets.page("try", assets.TRY_POLICY)


routes = (
    Route("/", open_docs),
    Route("/favicon.ico", read_favicon),
    Route("/openapi.json", read_openapi),
    Route("/asyncapi.json", read_asyncapi),
    Route("/docs", read_docs),
    Route("/docs/try", try_operations),
    Route(guide.ADDRESS, read_guide),
    Route(f"{guide.ADDRESS}/{{name}}", read_guide),
    Route(f"{assets.PREFIX}{{digest}}/{{name}}", read_asset),
    Route(PROBLEM_PAGES + "{name}", read_problem),
)
