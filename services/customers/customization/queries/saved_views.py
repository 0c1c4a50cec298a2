"""Saved views of lists: their parameters are applied as if the request had sent them.

LISTS["customer"] = route                                     # the operation that lists the kind of record
return await list_by_view(work, request, view, "customer")    # in that operation, if a request names a view
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from chassis import FeatureRoute, FieldError, NotFound, Problem, UnitOfWork, field_errors
from services.customers.customization import tables
from services.customers.customization.rules.custom_fields import RecordKind

LISTS: dict[RecordKind, FeatureRoute] = {}
"""The operations that list records, by the kind of record."""
Parameters = list[tuple[str, str]]


class ViewOutdated(Problem, status=409):
    """The view has filters, or a sort, that the list does not take any more.

    `errors` names them with the reason, for example a custom field that was deleted. Change the view.
    """


async def find_view(work: UnitOfWork, id: UUID, *, for_update: bool = False) -> tables.SavedView:
    """Return a view that the caller may see: a shared one, or his or her own. Raises NotFound."""
    view = await work.get(tables.SavedView, id, for_update=for_update)
    if not view.shared and view.owner != work.actor:
        raise NotFound(f"No saved view has the id {id}.")
    return view


async def list_by_view(work: UnitOfWork, request: Request, id: UUID, kind: RecordKind) -> Any:
    """Return the response of a list with the parameters of a view. Those of the request replace equal ones.

    Raises NotFound, and ViewOutdated for parameters of the view that the list does not take.
    """
    view = await find_view(work, id)
    if view.record_kind != kind:
        raise NotFound(f"The view {id} does not list records of the kind {kind}.")
    own = [(name, value) for name, value in request.query_params.multi_items() if name != "view"]
    sent = {name for name, _ in own}
    saved = [pair for pair in parameters_of(view) if pair[0] not in sent]
    try:
        return await LISTS[kind].run_with(request, [*saved, *own])
    except (RequestValidationError, Problem) as error:
        errors = [error for error in errors_of(error) if error.pointer.removeprefix("/") in {name for name, _ in saved}]
        if not errors:
            raise
        raise ViewOutdated(errors=errors) from None


def parameters_of(view: tables.SavedView) -> Parameters:
    """Return the parameters of a view, as a URL would have them."""
    sort = [("sort", view.sort)] if view.sort is not None else []
    return [(name, value) for name, values in view.filters.items() for value in values] + sort


def errors_of(error: RequestValidationError | Problem) -> Sequence[FieldError]:
    """Return the invalid parameters that an error names."""
    return error.errors if isinstance(error, Problem) else field_errors(error.errors())
