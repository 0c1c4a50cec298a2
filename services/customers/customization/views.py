"""Views: the filters, the sort and the columns of a list, saved under a name. A view is shared, or private.

A list takes the id of a view as `view`. Its parameters are then applied as if the request had sent them.
"""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query as Parameter
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, Field, StrictBool

from chassis import (
    Command,
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    Line,
    MergePatch,
    Page,
    PageParams,
    Problem,
    RecordTooLarge,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    equals,
    invalid,
    paginate,
)
from services.customers.customization import tables
from services.customers.customization.queries.saved_views import LISTS, errors_of, find_view, parameters_of
from services.customers.customization.rules.custom_fields import RecordKind

feature = Feature("views")

NOT_OF_A_VIEW = FieldCode(
    "not_of_a_view",
    "The parameter belongs to a request, not to a view.",
    "Send it with the request that names the view.",
)
_OF_REQUESTS = ("cursor", "limit", "q", "sort", "view")


def _require_filters(filters: dict[str, list[str]]) -> dict[str, list[str]]:
    for name in filters:
        if name in _OF_REQUESTS:
            raise invalid(NOT_OF_A_VIEW, f"{name} is not a filter of a view")
    return filters


Values = Annotated[list[Reference], Field(min_length=1, max_length=50)]
Filters = Annotated[
    dict[Reference, Values],
    Field(max_length=50, examples=[{"lifecycle": ["client"], "updated_at.gte": ["2026-01-01T00:00:00Z"]}]),
    AfterValidator(_require_filters),
]


class ViewProperties(Fields):
    """The properties of a view that a request may leave out."""

    sort: Annotated[ShortLine, Field(examples=["-created_at"])] | None = None
    """The sort of the list."""
    columns: Annotated[list[ShortLine], Field(max_length=100)] | None = None
    """The fields that a user interface shows, in order. The list itself returns whole records."""
    shared: StrictBool | None = None
    """If true, every caller of the tenant sees the view, otherwise only its owner. Default: false."""


class ViewCreate(ViewProperties, RequestBody):
    """A view to save."""

    example = {
        "record_kind": "customer",
        "name": "Clients in London",
        "filters": {"lifecycle": ["client"]},
        "sort": "-created_at",
        "columns": ["given_name", "family_name"],
        "shared": True,
    }

    record_kind: RecordKind
    """The kind of record that it lists."""
    name: Line
    """The name of the view."""
    filters: Filters
    """The query parameters of the list, each with its values."""


class ViewUpdate(ViewProperties, MergePatch):
    """A JSON Merge Patch of a view. `filters` and `columns` are replaced as a whole."""

    example = {"name": "Clients"}

    never_null: ClassVar[frozenset[str]] = frozenset(("name", "filters", "columns", "shared"))

    name: Line | None = None
    """The name of the view."""
    filters: Filters | None = None
    """The query parameters of the list, each with its values."""


class View(Resource, row=tables.SavedView, etag="version"):
    """A saved view of a list."""

    id: UUID
    """Identifies the view."""
    version: int
    """Counts the changes. It is the ETag."""
    record_kind: RecordKind
    """The kind of record that it lists."""
    name: str
    """The name of the view."""
    filters: dict[str, list[str]]
    """The query parameters of the list, each with its values."""
    sort: str | None
    """The sort of the list."""
    columns: list[str]
    """The fields that a user interface shows, in order."""
    shared: bool
    """True if every caller of the tenant sees the view."""
    owner: str
    """The principal that saved it."""
    created_at: datetime
    """When it was saved."""
    updated_at: datetime
    """When it last changed."""


@feature.post("/views", scope="customers:write", status_code=201, raises=[RecordTooLarge])
async def save_view(work: Work, request: Request, body: ViewCreate) -> View:
    """Save a view. Its filters and its sort must be valid for the list."""
    view = tables.SavedView(
        record_kind=body.record_kind,
        name=body.name,
        filters=body.filters,
        sort=body.sort,
        columns=body.columns or [],
        shared=bool(body.shared),
        owner=work.actor,
    )
    await _require_valid(request, view)
    return View.from_row(await work.insert(view))


@feature.get("/views", scope="customers:read")
async def list_views(
    work: Work,
    params: PageParams,
    record_kind: Annotated[RecordKind | None, Parameter(description="The kind of record.")] = None,
) -> Page[View]:
    """List the views that are shared, and the caller's own, sorted by name."""
    where = [*equals(record_kind=record_kind), condition("(shared or owner = :owner)", owner=work.actor)]
    return await paginate(work, params, tables.SavedView, View, sort="name", where=where)


@feature.get("/views/{id:uuid}", scope="customers:read")
async def read_view(work: Work, id: UUID) -> View:
    """Return a view."""
    return View.from_row(await find_view(work, id))


@feature.patch("/views/{id:uuid}", scope="customers:write", raises=[RecordTooLarge, VersionMismatch])
async def update_view(work: Work, request: Request, id: UUID, body: ViewUpdate, if_match: IfMatch) -> View:
    """Change a view. The owner remains the same."""
    before = await find_view(work, id, for_update=True)
    work.check_version(before, if_match)
    changes = body.changes()
    if {"filters", "sort"} & changes.keys():
        await _require_valid(request, before.replace(**changes))
    return View.from_row(await work.update(before, **changes))


@feature.delete("/views/{id:uuid}", scope="customers:write", status_code=204, raises=[VersionMismatch])
async def delete_view(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete a view."""
    view = await find_view(work, id, for_update=True)
    work.check_version(view, if_match)
    await work.execute(_DELETE_VIEW, id=id)


async def _require_valid(request: Request, view: tables.SavedView) -> None:
    """Raise ValidationFailed with a pointer to each parameter that the list does not take: it is tried out."""
    route = LISTS.get(view.record_kind)
    if route is None:
        raise ValidationFailed.field(
            "/record_kind", NO_LIST, f"no operation lists records of the kind {view.record_kind}"
        )
    try:
        await route.run_with(request, [*parameters_of(view), ("limit", "1")])
    except (RequestValidationError, Problem) as error:
        errors = [
            each.model_copy(update={"location": "body", "pointer": _pointer(each.pointer)}) for each in errors_of(error)
        ]
        if not errors:
            raise
        raise ValidationFailed(errors=errors) from None


def _pointer(parameter: str) -> str:
    return parameter if parameter == "/sort" else f"/filters{parameter}"


NO_LIST = FieldCode("no_list", "No operation lists records of this kind.", "Send another `record_kind`.")
_DELETE_VIEW = Command("delete from saved_view where id = :id")
