"""The check of a request's query: unknown and repeated parameters are refused, because ignoring them would mislead."""

from collections import Counter
from typing import Protocol

from fastapi import Request

from chassis.core.field_errors import MAX_ERRORS, FieldError, did_you_mean
from chassis.core.problems import MalformedRequest, RepeatedParameter, UnknownParameter
from chassis.types.codes import UNKNOWN_PARAMETER


class TakesParameters(Protocol):
    """The part of a route that knows its query parameters."""

    query_names: set[str]
    single_query_names: set[str]

    def knows_parameter(self, name: str) -> bool:
        """Return whether the operation has a query parameter."""


def check_query(route: TakesParameters, request: Request) -> None:
    """Raise UnknownParameter, RepeatedParameter or MalformedRequest for a query that the operation does not take."""
    if not request.scope["query_string"]:
        return
    if b"%00" in request.scope["query_string"]:
        raise MalformedRequest("The query contains a NUL character.")
    known = route.query_names
    unknown = [name for name in request.query_params if not route.knows_parameter(name)]
    if unknown:
        errors = [_unknown_parameter(name, sorted(known)) for name in unknown[:MAX_ERRORS]]
        raise UnknownParameter(f"Its parameters are: {', '.join(sorted(known)) or 'none'}.", errors=errors)
    names = Counter(name for name, _ in request.query_params.multi_items())
    repeated = sorted(name for name, count in names.items() if count > 1 and name in route.single_query_names)
    if repeated:
        raise RepeatedParameter(f"Send {', '.join(repeated)} only once.")


def _unknown_parameter(name: str, known: list[str]) -> FieldError:
    detail = f"{name} is not a parameter of this operation{did_you_mean(name, known)}"
    return FieldError(location="query", pointer=f"/{name}", code=UNKNOWN_PARAMETER, detail=detail)
