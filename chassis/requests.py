"""What stands round every route: the body's limits, the caller, the scope, the key, one transaction, the answer.

The order is: token, scope, known parameters, body; then the transaction: key, endpoint, commit; only then the answer
leaves. FastAPI's own way, a dependency with `yield`, commits after it.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Protocol, cast

import asyncpg
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from chassis import identity, json
from chassis.arguments import NOT_GIVEN, Arguments
from chassis.idempotency import HEADER as KEY_HEADER
from chassis.idempotency import (
    AnswerStands,
    Claim,
    IdempotencyKeyInFlight,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ShownOnce,
)
from chassis.problems import (
    MOST_ERRORS,
    FieldError,
    MalformedRequest,
    Problem,
    TooLarge,
    UnknownParameter,
    UnsupportedMediaType,
)
from chassis.settings import Settings
from chassis.versions import etag
from chassis.work import RETRIED, Again, transaction
from chassis.work import Work as _Work

DEEPEST = 32
_ATTEMPTS = 5
_SAFE = ("GET", "HEAD")


async def _injected_work(request: Request) -> _Work:
    return cast(_Work, request.scope["rapport.work"])


Work = Annotated[_Work, Depends(_injected_work)]
"""The transaction of a route or a reaction."""


class Host(Protocol):
    """What a route needs of its service."""

    verifier: identity.Verifier

    @property
    def settings(self) -> Settings:
        """Its settings."""

    def work(self, caller: identity.Caller, request: Request, claim: Claim | None = None) -> _Work:
        """A transaction for a request."""

    def problem_response(self, request: Request, problem: Problem) -> Response:
        """The answer that carries a problem."""

    def wake_relay(self) -> None:
        """Something was published."""


class StrictRequest(Request):
    """A request whose JSON is read strictly: limited in size and depth, free of NUL, UTF-8 only."""

    body_limit: int

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge as soon as it is."""
        if not hasattr(self, "_body"):
            kept = bytearray()
            async for chunk in self.stream():
                kept += chunk
                if len(kept) > self.body_limit:
                    raise TooLarge(f"At most {self.body_limit} bytes are taken.", limit=self.body_limit)
            self._body = bytes(kept)
        return self._body

    async def json(self) -> Any:
        """The body's value. Raises MalformedRequest."""
        if hasattr(self, "_json"):
            return self._json
        body = await self.body()
        try:
            value = json.loads(body)
        except json.JSONDecodeError as error:
            raise MalformedRequest(f"The body is no JSON: {error.msg} at {error.pos}.") from None
        if body.count(b"[") + body.count(b"{") > DEEPEST and _deeper_than(value, DEEPEST):
            raise MalformedRequest(f"The body is nested deeper than {DEEPEST} levels.")
        if b"\\u0000" in body and _has_nul(value):
            raise MalformedRequest("The body holds a NUL character.")
        self._json = value
        return value


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    names = value if isinstance(value, dict) else ()
    return any("\0" in name for name in names) or any(_has_nul(child) for child in _children(value))


class Endpoint(APIRoute):
    """A route of a feature: declared as FastAPI's, and answered here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arguments = Arguments(self.dependant)
        self._known = {parameter.alias for parameter in _query_parameters(self.dependant)}
        extra = self.openapi_extra or {}
        self._scope: str = extra["x-scope"]
        self._key_required: bool = extra["x-key-required"]
        self._batch: bool = extra["x-batch"]
        self.secret: bool = extra["x-secret"]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The same for who comes by FastAPI's own way."""

        async def handle(request: Request) -> Response:
            return await self.answer(StrictRequest(request.scope, request.receive))

        return handle

    async def answer(self, request: StrictRequest) -> Response:
        """Serves a request. Raises Problem, and whatever the database raises."""
        service: Host = request.app.state.service
        caller = service.verifier.caller(request.headers.get(identity.HEADER))
        caller.require(self._scope)
        _refuse_bad_query(request, self._known)
        settings = service.settings
        request.body_limit = settings.batch_body_limit_bytes if self._batch else settings.body_limit_bytes
        if self.body_field is not None:
            _require_json(request)
        key = None if request.method in _SAFE else request.headers.get(KEY_HEADER)
        if self._key_required and key is None:
            raise IdempotencyKeyRequired
        return await _answer(service, caller, request, self, key)

    async def run(self, request: StrictRequest) -> Response:
        """Calls the function and makes an answer of what it returns. Raises RequestValidationError."""
        noted = Response()
        noted.status_code = 0
        errors: list[dict[str, Any]] = []
        body = await request.json() if self.body_field is not None and await request.body() else NOT_GIVEN
        result = await self._arguments.call(request, noted, body, errors)
        if errors:
            raise RequestValidationError(errors)
        if isinstance(result, Response):
            return result
        content = b"" if self.response_field is None else json.dumps(result)
        response = Response(content, noted.status_code or self.status_code or 200, media_type="application/json")
        response.raw_headers += [header for header in noted.raw_headers if header[0] != b"content-length"]
        return response


async def _answer(
    service: Host, caller: identity.Caller, request: StrictRequest, route: Endpoint, key: str | None
) -> Response:
    """Runs the endpoint in a transaction, again when another one stood in its way."""
    body = b"" if request.method in _SAFE else await request.body()
    if body:
        await request.json()
    claim = None if key is None else Claim.of(caller, request.scope, key, body)
    try:
        return await _attempts(service, caller, request, route, claim)
    except AnswerStands as stands:
        return stands.answer
    except (IdempotencyKeyInFlight, IdempotencyKeyReused):
        raise
    except RequestValidationError:
        answer = None if claim is None else await _answer_standing(service, caller, request, claim)
        if answer is None:
            raise
        return answer
    except Problem as problem:
        if claim is None or problem.status >= 500:
            raise
        return await _keep_refusal(service, caller, request, claim, problem)


async def _attempts(
    service: Host, caller: identity.Caller, request: StrictRequest, route: Endpoint, claim: Claim | None
) -> Response:
    for attempt in range(1, _ATTEMPTS + 1):
        work = service.work(caller, request, claim)
        request.scope["rapport.work"] = work
        try:
            return await _attempt(service, work, request, route, first=attempt == 1)
        except (Again, *RETRIED):
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
    raise AssertionError("unreachable")


async def _attempt(service: Host, work: _Work, request: StrictRequest, route: Endpoint, *, first: bool) -> Response:
    async with transaction(work):
        if not first:
            await work.begin()  # what stood in the way may be an answer to the same key
        response = await route.run(request)
        if work.answer_version is not None:
            response.headers["ETag"] = etag(work.answer_version)
            if request.headers.get("if-none-match") == etag(work.answer_version) and request.method in _SAFE:
                return Response(status_code=304, headers={"ETag": etag(work.answer_version)})
        work.keep(service.problem_response(request, ShownOnce()) if route.secret else response)
    if work.published:
        service.wake_relay()
    return response


async def _keep_refusal(
    service: Host, caller: identity.Caller, request: StrictRequest, claim: Claim, problem: Problem
) -> Response:
    """Stores a refusal beside its key, unless somebody's answer stands there by now: then that one is given."""
    refusal = service.problem_response(request, problem)
    try:
        return await _answer_standing(service, caller, request, claim, refusal) or refusal
    except asyncpg.UniqueViolationError:  # it came between our look and our insert
        return await _answer_standing(service, caller, request, claim) or refusal


async def _answer_standing(
    service: Host,
    caller: identity.Caller,
    request: StrictRequest,
    claim: Claim,
    otherwise: Response | None = None,
) -> Response | None:
    """The answer that stands beside a key; when there is none, `otherwise` is kept there."""
    try:
        async with transaction(service.work(caller, request, claim)) as work:
            await work.begin()
            if otherwise is not None:
                work.keep(otherwise)
    except AnswerStands as stands:
        return stands.answer
    return None


def _query_parameters(dependant: Any) -> list[Any]:
    return [*dependant.query_params, *(found for child in dependant.dependencies for found in _query_parameters(child))]


def _refuse_bad_query(request: Request, known: set[str]) -> None:
    if b"%00" in request.scope["query_string"]:
        raise MalformedRequest("The query holds a NUL character.")
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        errors = [
            FieldError(where="query", pointer=f"/{name}", code="unknown", detail="not a parameter of this operation")
            for name in unknown[:MOST_ERRORS]
        ]
        raise UnknownParameter(f"Known are: {', '.join(sorted(known)) or 'none'}.", errors=errors)


def _require_json(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise UnsupportedMediaType
