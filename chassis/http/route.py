"""Routes of features: FastAPI's, with the options that Rapport adds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from chassis.core.field_errors import MAX_LISTED_ERRORS
from chassis.core.problems import Problem, too_many_errors
from chassis.http.arguments import MISSING, Arguments
from chassis.http.batches import Batch, BatchResults, validate_items
from chassis.http.body import StrictRequest
from chassis.http.etags import etag, is_unchanged
from chassis.http.owners import OwnerOption, OwnerRule, Places
from chassis.http.query import check_query
from chassis.http.schemas import Accepted, Resource, Upserted
from chassis.types import json

SAFE_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The options of an operation."""

    scope: str | None
    """The scope that the credential must have, or None if every credential may call it."""
    raises: tuple[type[Problem], ...] = ()
    """The problems it raises, beside those that every operation may."""
    idempotency_key: Literal["optional", "required"] = "optional"
    """Required where points or money move and the body has no natural key."""
    batch: bool = False
    """True if the body may be as large as a batch."""
    upload: tuple[str, ...] = ()
    """The content types of the file that is its body, if it takes one."""
    form: bool = False
    """True if its body is an HTML form, for a page without a script."""
    streamed: bool = False
    """True if its response is a file, which may take longer than other responses."""
    store_response: bool = True
    """False if the response contains a secret, which must not be stored for a repeated Idempotency-Key."""
    expensive: bool | tuple[str, ...] = False
    """True if its work grows with all data of the tenant, or the query parameters with which it does."""
    owner: OwnerOption = None
    """Where a request names the owner, so that owners' tokens are allowed: a parameter or a field, or the record of the
    path. By default, they are refused."""
    owner_fields: tuple[str, ...] = ()
    """The fields of the body that an owner may send, if not all."""
    public: bool = False
    """True if a link token in the path takes the place of a credential. The operation itself checks the token."""
    owner_hidden: tuple[str, ...] = ()
    """Fields that are null in responses to owners, at any depth."""


class FeatureRoute(APIRoute):
    """An operation of a feature: declared as FastAPI's, and run by `chassis.http.handler`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], *, options: RouteOptions, **declaration: Any) -> None:
        super().__init__(path, endpoint, **declaration)
        self.options = options
        self._arguments = Arguments(self.dependant)
        self.query_names = self._arguments.query_names
        self.single_query_names = self._arguments.single_query_names
        self.query_prefixes = self._arguments.query_prefixes
        self._check_expensive()
        body = self.body_field.field_info.annotation if self.body_field else None
        self.owner_rule = self._rule_for_owners(body)
        self._batch = body if isinstance(body, type) and issubclass(body, Batch) else None
        self.location: str | None = None
        """The path of a record that it creates, with `{new}` for its id. `set_locations` finds it."""

    @property
    def creates(self) -> bool:
        """True if a response of the operation may be 201."""
        return self.status_code == 201

    @property
    def follows_merges(self) -> bool:
        """True if it responds with a record, which may be another than the path names: the one it was merged into."""
        model = self.response_model
        is_record = isinstance(model, type) and issubclass(model, Resource) and "merged_into" in model.model_fields
        return is_record and "{id" in self.path

    @property
    def has_body(self) -> bool:
        """True if the operation takes a body."""
        return self.body_field is not None

    @property
    def is_streamed(self) -> bool:
        """True if its body or its response is a file."""
        return self.options.streamed or bool(self.options.upload)

    @property
    def body_type(self) -> Any:
        """The type of the body, or None."""
        return self.body_field.field_info.annotation if self.body_field else None

    def knows_parameter(self, name: str) -> bool:
        """Return whether the operation has a query parameter."""
        return name in self.query_names or any(prefix.takes(name) for prefix in self.query_prefixes)

    def is_expensive(self, request: Request) -> bool:
        """Return whether a request is expensive: the operation is, or a parameter of the request makes it so."""
        expensive = self.options.expensive
        if isinstance(expensive, bool):
            return expensive
        names = request.query_params
        prefixes = tuple(name for name in expensive if name.endswith("."))
        return any(name in expensive or name.startswith(prefixes) for name in names)

    async def run(self, request: StrictRequest) -> Response:
        """Call the function and build the response from its result. Raises RequestValidationError."""
        response = Response()
        errors: list[dict[str, Any]] = []
        body = await request.json() if self.has_body and await request.body() else MISSING
        if self._batch is not None:
            body = await validate_items(self._batch, body)
        elif request.is_large:
            self._check_errors(body)
        result = await self._arguments.call(request, response, body, errors)
        if errors:
            raise RequestValidationError(errors)
        return result if isinstance(result, Response) else self._respond(request, response, result)

    async def run_with(self, request: Request, parameters: Sequence[tuple[str, str]]) -> Response:
        """Run an operation that reads, with these query parameters instead of the request's, such as saved ones.

        Raises what the operation raises, and what is raised for a query that it does not take.
        """
        scope = {**request.scope, "method": "GET", "query_string": urlencode(parameters).encode()}
        other = StrictRequest(scope, request.receive)
        check_query(self, other)
        return await self.run(other)

    def _check_errors(self, body: Any) -> None:
        """Raise ValidationFailed for a body with too many errors, which FastAPI would list all."""
        try:
            self._body_adapter.validate_python(body, from_attributes=True)
        except ValidationError as error:
            if error.error_count() > MAX_LISTED_ERRORS:
                raise too_many_errors(error) from None

    @cached_property
    def _body_adapter(self) -> TypeAdapter[Any]:
        annotation: Any = self.body_field.field_info.annotation if self.body_field else None
        return TypeAdapter(annotation)

    def _check_expensive(self) -> None:
        names = self.options.expensive
        unknown = (
            ()
            if isinstance(names, bool)
            else set(names) - self.query_names - {each.prefix for each in self.query_prefixes}
        )
        if unknown:
            raise TypeError(f"{self.operation_id} has no parameter {', '.join(sorted(unknown))}")

    def _rule_for_owners(self, body: Any) -> OwnerRule:
        fields = set(getattr(body, "model_fields", ()))
        places = Places(set(self.param_convertors), self.query_names, fields)
        options = self.options
        try:
            return OwnerRule(options.owner, options.owner_fields, options.owner_hidden, places)
        except TypeError as error:
            raise TypeError(f"{self.operation_id}: {error}") from None

    def _respond(self, request: Request, injected: Response, result: Any) -> Response:
        """Build the response. `injected` carries the headers that the function or its dependencies have set."""
        status = self.status_code or 200
        if isinstance(result, (Upserted, Accepted)):
            status, result = result.status_code, result.resource
        if isinstance(result, BatchResults):
            result.locate(request.url.path, request.scope.get("state", {}).get("trace_id", ""))
        requested = request.path_params.get("id")
        if self.follows_merges and str(requested).lower() != str(result.id):
            result.merged_into = result.id
            injected.headers["Content-Location"] = request.url.path.replace(str(requested), str(result.id))
        version = result.etag_value if isinstance(result, Resource) else None
        tag = None if version is None else etag(version)
        if tag is not None and request.method in SAFE_METHODS and is_unchanged(_if_none_match(request), tag):
            return Response(status_code=304, headers={"ETag": tag})
        content = b"" if self.response_field is None else json.dumps(result)
        response = Response(content, status, media_type="application/json")
        response.raw_headers += [header for header in injected.raw_headers if header[0] != b"content-length"]
        if tag is not None:
            response.headers["ETag"] = tag
        if status == 201 and self.location is not None:
            parameters = {name: quote(str(value), safe="") for name, value in request.path_params.items()}
            response.headers["Location"] = self.location.format(**parameters, new=result.id)
        return response


def _if_none_match(request: Request) -> str | None:
    return ", ".join(request.headers.getlist("if-none-match")) or None
