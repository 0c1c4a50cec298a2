"""Errors of the API: each is an RFC 9457 problem document, and each is declared.

    Problem                     status, code, title and text come from the class
     ├─ MalformedRequest        400   the request cannot be read
     ├─ UnknownParameter        400   a query parameter that does not exist
     ├─ Unauthenticated         401
     ├─ MissingScope            403
     ├─ NotFound                404   unknown, or another tenant's: the response is the same
     ├─ MethodNotAllowed        405
     ├─ VersionMismatch         412   If-Match does not name the current version
     ├─ PayloadTooLarge         413
     ├─ UnsupportedMediaType    415
     ├─ ValidationFailed        422   readable, but a field is wrong
     ├─ InternalError           500   a defect of Rapport
     └─ Unavailable             503   a dependency is unavailable

A feature defines its own beside them: the class name gives the code, the docstring the title.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from chassis.types import json
from chassis.types.text import snake_case

Location = Literal["body", "query", "path", "header", "cookie"]
_SCHEMA_TAG = re.compile(r"[\[\]()]")
MAX_ERRORS = 100
"""Maximum field errors per response. Without a limit, an invalid body could produce a response ten times its size."""


class FieldError(BaseModel):
    """An invalid value of a request."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    location: Location = Field(alias="in", description="the part of the request")
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
    instance: str = Field(description="the path of the request")
    code: str = Field(examples=["not_found"])
    errors: list[FieldError] = Field(max_length=MAX_ERRORS, description="the invalid values; at most a hundred")
    trace_id: str = Field(description="identifies the request in the logs")


class Problem(Exception):
    """An error response. Subclass it with a status, and raise it anywhere in a request or an event handler."""

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
        """Return the problem document."""
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
        """Return the response that carries the problem document."""
        return Response(
            json.dumps(self.document(instance, trace_id)),
            status_code=self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


class MalformedRequest(Problem, status=400):
    """The request cannot be read."""


class UnknownParameter(Problem, status=400):
    """The operation does not have this query parameter."""


class Unauthenticated(Problem, status=401):
    """Credentials are missing or invalid."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class MissingScope(Problem, status=403):
    """The credential lacks the scope that this operation requires."""


class NotFound(Problem, status=404):
    """The resource does not exist."""


class MethodNotAllowed(Problem, status=405):
    """The path does not support this method."""


class VersionMismatch(Problem, status=412):
    """The record has changed since the version that If-Match names. Read it again and retry."""


class PayloadTooLarge(Problem, status=413):
    """The request is larger than allowed."""


class UnsupportedMediaType(Problem, status=415):
    """The body must be application/json."""


class ValidationFailed(Problem, status=422):
    """A value of the request is invalid."""

    @classmethod
    def field(cls, pointer: str, code: str, detail: str, location: Location = "body") -> "ValidationFailed":
        """Return the problem for a field that is invalid for a reason that no schema expresses."""
        return cls(detail, errors=[FieldError(location=location, pointer=pointer, code=code, detail=detail)])


class InternalError(Problem, status=500):
    """An unexpected error occurred. The logs contain it under the trace id."""


class Unavailable(Problem, status=503):
    """A dependency is unavailable. Retry shortly."""

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "1"}, **members)


def field_errors(errors: Sequence[ErrorDetails | dict[str, Any]], location: Location | None = None) -> list[FieldError]:
    """Return pydantic's errors with JSON pointers.

    `location` names the part of the request if the errors' own locations do not begin with it.
    """
    return [_field_error(error["loc"], error["type"], error["msg"], location) for error in errors[:MAX_ERRORS]]


def from_validation(error: ValidationError) -> ValidationFailed:
    """Return the problem for a body, or an item of a batch, that its model rejects."""
    return ValidationFailed(errors=field_errors(error.errors(include_url=False, include_input=False), "body"))


def _field_error(path: tuple[int | str, ...], code: str, message: str, location: Location | None) -> FieldError:
    if location is None:
        location, path = path[0], path[1:]  # type: ignore[assignment]  # FastAPI puts the part first
    # Pydantic names the branch of a union or a validator in the path. The client never sent that.
    steps = [str(step) for step in path if not (isinstance(step, str) and _SCHEMA_TAG.search(step))]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return FieldError(location=location, pointer=pointer, code=code, detail=message.removeprefix("Value error, "))
