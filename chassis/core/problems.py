"""Errors of the API: each is an RFC 9457 problem document, and each is declared.

    Problem                     status, code, title and text come from the class
     ├─ MalformedRequest        400   the request cannot be read
     ├─ UnknownParameter        400   a query parameter that does not exist
     ├─ RepeatedParameter       400   a query parameter that may be sent only once
     ├─ UnexpectedBody          400   the operation takes no body
     ├─ Unauthenticated         401
     ├─ MissingScope            403
     ├─ TenantSuspended         403
     ├─ NotFound                404   unknown, or another tenant's: the response is the same
     ├─ MethodNotAllowed        405
     ├─ RequestTimeout          408   the client sends too slowly
     ├─ PersonErased            410   the person was erased: only the id is left
 ├─ VersionMismatch         412   If-Match does not name the current version
     ├─ PayloadTooLarge         413
     ├─ UnsupportedMediaType    415
     ├─ ValidationFailed        422   readable, but a field is wrong
     ├─ TooManyRequests         429   more than the tenant's share
     ├─ HeadTooLarge            431   the request line and the headers
     ├─ TooManyFailures         429   credentials that look like guesses
     ├─ InternalError           500   a defect of Rapport
     ├─ Unavailable             503   a dependency is unavailable
     └─ TimeLimitExceeded       503   the time limit of a statement

A feature defines its own beside them: the class name gives the code, the docstring the title.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response
from typing_extensions import TypeAliasType

from chassis.core.field_errors import MAX_ERRORS, MAX_LISTED_ERRORS, FieldError, Location, field_errors
from chassis.types import json
from chassis.types.codes import FieldCode
from chassis.types.text import snake_case

ProblemCode = TypeAliasType(
    "ProblemCode",
    Annotated[
        str,
        Field(
            description="A code of the table `x-problems`. A release may add codes: decide by the status then.",
            examples=["not_found"],
        ),
    ],
)


class ProblemDocument(BaseModel):
    """The body of every error (RFC 9457). A problem may carry more members than these."""

    model_config = ConfigDict(title="Problem", extra="allow", use_attribute_docstrings=True)

    type: str = Field(description="a page that explains this code", examples=["/problems/not-found"])
    title: str
    """The meaning of the code."""
    status: int
    """The status of the response."""
    detail: str
    """The cause in this request, and the remedy."""
    instance: str = Field(description="the path of the request")
    code: ProblemCode
    """Names the problem. Programs decide by it."""
    errors: list[FieldError] = Field(max_length=MAX_ERRORS, description="the invalid values; at most a hundred")
    trace_id: str = Field(description="identifies the request in the logs")


class Problem(Exception):
    """An error response. Subclass it with a status, and raise it anywhere in a request or an event handler.

    The first line of the docstring is its title. The rest says what to do, and is shown at the address of its `type`.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    explanation: ClassVar[str]
    known: ClassVar[dict[str, type["Problem"]]] = {}

    def __init_subclass__(cls, *, status: int | None = None) -> None:
        if status is not None:
            cls.status = status
        cls.code = snake_case(cls.__name__)
        title, _, explanation = (cls.__doc__ or cls.code.replace("_", " ")).strip().partition("\n")
        cls.title, cls.explanation = title, " ".join(explanation.split())
        Problem.known[cls.code] = cls

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.errors = list(errors)
        self.detail = detail or self._summary()
        super().__init__(self.detail)
        self.headers = dict(headers or {})
        self.members = members

    def _summary(self) -> str:
        """Return the first invalid value, or the title if there is none."""
        if not self.errors:
            return self.title
        first, more = self.errors[0], len(self.errors) - 1
        name = first.pointer.rpartition("/")[2]
        text = f"{name}: {first.detail}" if name else first.detail
        return f"{text} (and {more} more)" if more else text

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
    """The request cannot be read.

    The body is not valid JSON in UTF-8, repeats a name in an object, or is nested too deeply, or a header is not valid.
    Correct what `detail` names.
    """


class UnknownParameter(Problem, status=400):
    """The operation does not have this query parameter.

    Unknown parameters are rejected, because a misspelt filter that is ignored would return a wrong list. `detail` lists
    the parameters that exist.
    """


class RepeatedParameter(Problem, status=400):
    """The operation takes this query parameter only once.

    Which of its values counts would be a guess. Send it once. Filters that take several values say so.
    """


class UnexpectedBody(Problem, status=400):
    """The operation takes no body.

    A body that is ignored would be a misunderstanding, for example of a partial amount that the operation does not
    support. Leave the body out.
    """


class Unauthenticated(Problem, status=401):
    """Credentials are missing or invalid.

    Send an API key or a token: `Authorization: Bearer ...`. It may have expired or been revoked.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class MissingScope(Problem, status=403):
    """The credential lacks the scope that this operation requires.

    `scope` names it. Use a key that has it, or create one with `POST /v1/api-keys`.
    """


class TenantSuspended(Problem, status=403):
    """The operator of this system has suspended the tenant.

    Every request is rejected. Ask the operator for the reason. Stored data and keys are unchanged.
    """


class NotFound(Problem, status=404):
    """The resource does not exist.

    Its id is wrong, or belongs to another tenant. Read the list of the collection to find the id.
    """


class SourceIdReused(Problem, status=409):
    """A record with different content already has this source id.

    `id` is that record. If the source corrected it, send the correction under a source id of its own.
    """


class PersonErased(Problem, status=410):
    """The person was erased on request. Only the id is left.

    Nothing more can be read of the person or recorded under this id. Remove the id from your own records.
    """


class MethodNotAllowed(Problem, status=405):
    """The path does not support this method.

    The header `Allow` lists the methods that it supports.
    """


class RequestTimeout(Problem, status=408):
    """The body of the request did not arrive in time.

    The request was not applied. Send it again, or send several smaller requests over a slow connection.
    """


class VersionMismatch(Problem, status=412):
    """The record has changed since the version that If-Match names.

    Read it again, apply the change to the new version, and send it with the new ETag.
    """


class PayloadTooLarge(Problem, status=413):
    """The request is larger than allowed.

    `detail` gives the limit. Send several requests, or a batch with fewer items.
    """


class UnsupportedMediaType(Problem, status=415):
    """The body must be application/json, without a content coding.

    Send `Content-Type: application/json`, and no `Content-Encoding`.
    """


class ValidationFailed(Problem, status=422):
    """A value of the request is invalid.

    `errors` lists each invalid value with a JSON Pointer, a code and what to send instead. Correct them, and send the
    request again, with the same Idempotency-Key if it had one.
    """

    @classmethod
    def field(cls, pointer: str, code: FieldCode, detail: str, location: Location = "body") -> "ValidationFailed":
        """Return the problem for a field that is invalid for a reason that no schema expresses."""
        return cls(detail, errors=[FieldError(location=location, pointer=pointer, code=code, detail=detail)])


class TooManyRequests(Problem, status=429):
    """The tenant or the API key has sent too many requests.

    The request was not applied. Retry it after the seconds in `Retry-After`, with fewer requests at a time. The headers
    `RateLimit` and `RateLimit-Policy` of each response say how many requests are left.
    """

    def __init__(self, detail: str, retry_after: float = 1, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        sent = {name.decode(): value.decode() for name, value in headers}
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(retry_after))), **sent})


class HeadTooLarge(Problem, status=431):
    """The first line and the headers of the request are larger than allowed.

    `detail` gives the limit. Shorten the longest header, or send several requests with fewer values in the query.
    """


class TooManyFailures(Problem, status=429):
    """Too many attempts to authenticate have failed.

    The credentials were not checked. Retry after the seconds in `Retry-After`, which grow with each failure. A key that
    has been used before still works.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(headers={"Retry-After": str(math.ceil(retry_after))})


class InternalError(Problem, status=500):
    """An unexpected error occurred. The logs contain it under the trace id.

    It is a defect of the server. Report it with the `trace_id`. Retry with the same Idempotency-Key.
    """


class Unavailable(Problem, status=503):
    """A dependency is unavailable. Retry shortly.

    The request had no effect. Retry it after the seconds in `Retry-After`, with the same Idempotency-Key if it had one.
    """

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "1"}, **members)


class TimeLimitExceeded(Problem, status=503):
    """The database took longer over the request than a request may take.

    The request had no effect. Narrow it, for example by a filter or a shorter period, or send it at a quieter time.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "30"})


def from_validation(error: ValidationError, body: Any, most: int = MAX_ERRORS) -> ValidationFailed:
    """Return the problem for an item of a batch that its model rejects, with at most `most` of its errors.

    `body` is the type of the item.
    """
    if error.error_count() > MAX_LISTED_ERRORS:
        return too_many_errors(error)
    return ValidationFailed(errors=field_errors(error.errors(include_url=False)[:most], "body", body=body))


def too_many_errors(error: ValidationError) -> ValidationFailed:
    """Return the problem for a body with more errors than are listed."""
    return ValidationFailed(f"{error.error_count()} values are invalid, which are too many to list.")
