"""Refusals: every error of the API is an RFC 9457 problem document, and every one is declared.

    Problem                     status, code, title and text come from the class
     ├─ MalformedRequest        400   the request cannot be read
     ├─ UnknownParameter        400   a query parameter that does not exist
     ├─ Unauthenticated         401
     ├─ MissingScope            403
     ├─ NotFound                404   unknown, or another tenant's: nobody can tell which
     ├─ MethodNotAllowed        405
     ├─ StaleVersion            412   If-Match names a version that is not the current one
     ├─ TooLarge                413
     ├─ UnsupportedMediaType    415
     ├─ Invalid                 422   readable, but a field is wrong
     ├─ Unavailable             503   something that we need is away
     └─ InternalError           500   a defect of ours

A feature adds its own beside them: the class name gives the code, the docstring the title.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from chassis import json

Place = Literal["body", "query", "path", "header", "cookie"]
_SCHEMA_TAG = re.compile(r"[\[\]()]")
MOST_ERRORS = 100
"""Of what is wrong, so much is told: the answer to a body that is wrong everywhere would be ten times its size."""


class FieldError(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    where: Place = Field(alias="in", description="the part of the request that is meant")
    pointer: str = Field(description="JSON Pointer (RFC 6901) into that part", examples=["/lines/0/sku"])
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """The body of every error (RFC 9457). A problem may carry more members than these."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="a page that explains this code", examples=["/problems/not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path that was asked")
    code: str = Field(examples=["not_found"])
    errors: list[FieldError] = Field(max_length=MOST_ERRORS, description="what is wrong; the first hundred")
    trace_id: str = Field(description="names this request in the logs")


def snake_case(name: str) -> str:
    """`NotEnoughPoints` as `not_enough_points`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Problem(Exception):
    """A refusal. Subclass it with a status; raise it anywhere in a request or a reaction."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    known: ClassVar[dict[str, type["Problem"]]] = {}

    def __init_subclass__(cls, *, status: int | None = None) -> None:
        if status is not None:
            cls.status = status
        cls.code = snake_case(cls.__name__)
        cls.title = (cls.__doc__ or cls.code.replace("_", " ")).strip().split("\n")[0]
        Problem.known[cls.code] = cls

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.members = members

    def document(self, instance: str = "", trace_id: str = "") -> dict[str, Any]:
        """The problem as it goes over the wire."""
        return {
            "type": f"/problems/{self.code.replace('_', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "errors": [error.model_dump(by_alias=True) for error in self.errors],
            "trace_id": trace_id,
            **self.members,
        }

    def response(self, instance: str, trace_id: str) -> Response:
        """The answer that carries the problem."""
        return Response(
            json.dumps(self.document(instance, trace_id)),
            status_code=self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


class MalformedRequest(Problem, status=400):
    """The request cannot be read."""


class UnknownParameter(Problem, status=400):
    """A query parameter is not known here."""


class Unauthenticated(Problem, status=401):
    """Credentials are missing or not valid."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class MissingScope(Problem, status=403):
    """The credential does not allow this."""


class NotFound(Problem, status=404):
    """There is nothing here."""


class MethodNotAllowed(Problem, status=405):
    """The method is not known for this path."""


class StaleVersion(Problem, status=412):
    """The record has changed since the version that If-Match names."""


class TooLarge(Problem, status=413):
    """The request is larger than allowed."""


class UnsupportedMediaType(Problem, status=415):
    """The body must be application/json."""


class Invalid(Problem, status=422):
    """A value is not allowed."""

    @classmethod
    def field(cls, pointer: str, code: str, detail: str, where: Place = "body") -> "Invalid":
        """One field is wrong for a reason that no schema knows."""
        return cls(detail, errors=[FieldError(where=where, pointer=pointer, code=code, detail=detail)])


class InternalError(Problem, status=500):
    """Something went wrong here; it is logged under the trace id."""


class Unavailable(Problem, status=503):
    """Something that this needs is away; try again shortly."""

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "1"}, **members)


def field_errors(errors: Sequence[ErrorDetails | dict[str, Any]], where: Place | None = None) -> list[FieldError]:
    """Pydantic's findings as pointers. `where` names the part when the locations do not begin with it."""
    return [_field_error(error["loc"], error["type"], error["msg"], where) for error in errors[:MOST_ERRORS]]


def from_validation(error: ValidationError) -> Invalid:
    """A body, or an item of one, that its model refuses."""
    return Invalid(errors=field_errors(error.errors(include_url=False, include_input=False), "body"))


def _field_error(location: tuple[int | str, ...], code: str, message: str, where: Place | None) -> FieldError:
    place, path = (where, location) if where else (location[0], location[1:])
    # Pydantic names the branch of a union or a validator in the location; a client never sent that.
    steps = [str(step) for step in path if not (isinstance(step, str) and _SCHEMA_TAG.search(step))]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return FieldError(where=place, pointer=pointer, code=code, detail=message.removeprefix("Value error, "))
