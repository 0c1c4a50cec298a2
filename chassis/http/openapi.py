"""OpenAPI: the document of each service, and the document that is merged from all of them."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from fastapi.openapi.utils import get_openapi

from chassis.core.persons import RECORD_PATH
from chassis.core.problems import (
    MalformedRequest,
    MissingScope,
    NotFound,
    PayloadTooLarge,
    PersonErased,
    Problem,
    ProblemDocument,
    RepeatedParameter,
    TenantSuspended,
    TimeLimitExceeded,
    TooManyFailures,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedBody,
    UnknownParameter,
    UnsupportedMediaType,
    ValidationFailed,
)
from chassis.db.idempotency import (
    IdempotencyKeyInFlight,
    IdempotencyKeyMalformed,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    SecretNotReplayable,
)
from chassis.http.forms import FORM
from chassis.http.locations import set_locations
from chassis.http.openapi_schemas import COMPONENT, simplify_document
from chassis.http.owners import OwnerAccessDenied
from chassis.http.response_headers import HEADERS, declare_headers, references
from chassis.http.route import FeatureRoute, RouteOptions
from chassis.http.uploads import ANY_FILE

SECURITY_SCHEME = "api_key"
_REFERENCE = {"$ref": f"{COMPONENT}Problem"}
GATEWAY = "gateway"
_FORWARDED = {
    status: {
        "description": text,
        "content": {"application/problem+json": {"schema": _REFERENCE}},
        "headers": references({"X-Request-Id"}),
    }
    for status, text in {
        "502": "`upstream_lost`: The service disconnected. The request may or may not have been applied.",
        "504": "`upstream_timeout`: The service did not respond in time. The request may or may not have been applied.",
    }.items()
}
"""Errors that the gateway itself may return for a service."""
MERGE_PATCH = "application/merge-patch+json"
_SERVER = {
    "url": "{address}",
    "description": "The gateway.",
    "variables": {
        "address": {
            "default": "http://127.0.0.1:8400",
            "description": "The address of the gateway, without a path. The default is that of `rapport up`.",
        }
    },
}
_DESCRIPTION = """A customer-relationship backend.

- **Authentication**: `Authorization: Bearer rap_...`. Each operation names the scope that its key must have.
- **Errors**: every error is a problem document (RFC 9457). Programs decide by its `code`.
- **Lists**: pages with a `next_cursor`. Send it as `cursor` with the same filters and sort.
- **Retries**: send an `Idempotency-Key`, and a repeated request gets the stored response of the first.
- **Versions of records**: send the `ETag` as `If-Match`, and a change that was made meanwhile is not overwritten.
- **Absent and null**: leave out a field without a value. Null clears a field, in updates and upserts alone.
- **Decimals**: amounts, prices and quantities are strings, so that no digit is lost.
- **Growth**: a release may add operations, fields, events, and values of the vocabularies in responses."""
_PARAMETER = re.compile(r"\{(\w+)\}")
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to retry: a repeated request gets the stored response of the first.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]+$",
        "examples": ["0193a7c2-order-42"],
    },
}


_OF_CREDENTIALS = (Unauthenticated, MissingScope, OwnerAccessDenied, TenantSuspended)
"""Problems that a public operation does not have."""


def error_responses(method: str, options: RouteOptions, path: str) -> dict[int | str, dict[str, Any]]:
    """Return the error `responses` of an operation: its own problems and those that every operation may raise."""
    problems: list[type[Problem]] = [*options.raises, UnknownParameter, RepeatedParameter, MalformedRequest]
    problems += [
        UnexpectedBody,
        Unauthenticated,
        MissingScope,
        OwnerAccessDenied,
        TenantSuspended,
        ValidationFailed,
        TooManyRequests,
        TooManyFailures,
        Unavailable,
        TimeLimitExceeded,
    ]
    if "{" in path:
        problems.append(NotFound)
    if RECORD_PATH in path:
        problems.append(PersonErased)
    if not options.store_response:
        problems.append(SecretNotReplayable)
    if method != "GET":
        problems += [PayloadTooLarge, UnsupportedMediaType, IdempotencyKeyMalformed]
        problems += [IdempotencyKeyInFlight, IdempotencyKeyReused]
    if options.idempotency_key == "required":
        problems.append(IdempotencyKeyRequired)
    if options.public:
        problems = [each for each in problems if each not in _OF_CREDENTIALS and "Idempotency" not in each.__name__]
    by_status: dict[int | str, dict[str, Any]] = {}
    for status in sorted({problem.status for problem in problems}):
        titles = {problem.code: problem.title for problem in problems if problem.status == status}
        by_status[status] = {
            "description": " ".join(f"`{code}`: {title}" for code, title in sorted(titles.items())),
            "content": {"application/problem+json": {"schema": _REFERENCE}},
        }
    return by_status


def service_document(
    routes: Iterable[FeatureRoute], service: str, features: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a service's document, with the scopes, keys and problems of its operations.

    `features` describes each feature by its name, which is a tag of the document.
    """
    routes = list(routes)
    set_locations(routes)
    document = get_openapi(title=f"Rapport {service}", version="1", openapi_version="3.1.0", routes=routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = ProblemDocument.model_json_schema(ref_template=f"{COMPONENT}{{model}}", mode="serialization")
    schemas |= {**problem.pop("$defs"), ProblemDocument.__name__: problem}
    for route in routes:
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            _finish_operation(operation, method, route, service)
            declare_headers(operation, route)
    simplify_document(document)
    document["tags"] = [{"name": name, "description": text} for name, text in (features or {}).items()]
    return document


def _finish_operation(operation: dict[str, Any], method: str, route: FeatureRoute, service: str) -> None:
    options = route.options
    operation["x-service"] = service
    operation["security"] = [] if options.public else [{SECURITY_SCHEME: []}]
    if options.public:
        operation["x-public"] = True
    if options.scope is not None:
        operation["x-scope"] = options.scope
        text = f"{operation.get('description', '')}\n\nRequires the scope `{options.scope}`."
        operation["description"] = text.strip()
    if route.owner_rule.described is not None:
        operation["x-owner"] = route.owner_rule.described
    _finish_parameters(operation, route)
    if route.is_streamed:
        operation["x-streamed"] = True
    _describe_files(operation, route)
    _describe_form(operation, route)
    if route.has_body:
        content = operation["requestBody"]["content"]
        media = content.pop("application/json")
        example = getattr(route.body_type, "media_example", lambda: None)()
        content[MERGE_PATCH if method == "PATCH" else "application/json"] = media | (
            {"example": example} if example else {}
        )
    if method != "GET" and not options.public:
        required = options.idempotency_key == "required"
        operation.setdefault("parameters", []).append(_KEY_PARAMETER | {"required": required})
    operation["responses"].get("422", {}).get("content", {}).pop("application/json", None)


def _finish_parameters(operation: dict[str, Any], route: FeatureRoute) -> None:
    for prefix in route.query_prefixes:
        operation.setdefault("parameters", []).insert(0, prefix.document())
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter.setdefault("description", _describe_id(route.path_format, parameter["name"]))


def _describe_files(operation: dict[str, Any], route: FeatureRoute) -> None:
    """Describe a request or a response that is a file."""
    content = operation["responses"].get("200", {}).get("content", {})
    if route.response_model is None and len(content) > 1:
        content.pop("application/json", None)
    if route.options.upload:
        file = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": {ANY_FILE: file}}


def _describe_form(operation: dict[str, Any], route: FeatureRoute) -> None:
    """Describe a body that is an HTML form. The names of its fields depend on the page."""
    if route.options.form:
        fields = {"type": "object", "additionalProperties": {"type": "string"}}
        operation["requestBody"] = {"required": False, "content": {FORM: {"schema": fields}}}


def _describe_id(path: str, parameter: str) -> str:
    """Return the description of an id in a path: that of a record of the segment before it, unless it has a name."""
    segment = path.partition(f"/{{{parameter}}}")[0].rpartition("/")[2]
    named = parameter.removesuffix("_id") if parameter != "id" else segment.removesuffix("s")
    return f"The id of the {named.replace('_', ' ').replace('-', ' ')}."


def merge(documents: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """Return the document of all services.

    Equal schemas occur once. Raises ValueError for different schemas of the same name.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Rapport",
            "version": version,
            "description": _DESCRIPTION,
            "contact": {"name": "The maintainers of Rapport"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [_SERVER],
        "tags": [],
        "paths": {},
        "components": {
            "schemas": {},
            "headers": HEADERS,
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `rap_<live|sandbox>_<id>_<secret>`, a token that a key issued, or a "
                    "token of a registered issuer, as a bearer token. Each operation names the scope that it requires "
                    "(`x-scope`).",
                }
            },
        },
    }
    for service, document in documents.items():
        _add_document(merged, document, service)
    _link(merged["paths"], merged["components"]["schemas"])
    merged["tags"].sort(key=lambda tag: str(tag["name"]))
    return merged


def _add_document(merged: dict[str, Any], document: dict[str, Any], service: str) -> None:
    for path, operations in document["paths"].items():
        if path in merged["paths"]:
            raise ValueError(f"{path} is claimed by {service} and by another service")
        if service != GATEWAY:
            for operation in operations.values():
                operation["responses"] |= _FORWARDED
        merged["paths"][path] = operations
    used = _tags(document["paths"])
    merged["tags"] += (tag for tag in document.get("tags", []) if tag["name"] in used)
    schemas = merged["components"]["schemas"]
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"the schema {name} of {service} differs from another service's of the same name")


def _link(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Add OpenAPI links: the operations that take the id of a record that a POST creates, by naming convention."""
    for path, operations in paths.items():
        for status, answer in operations.get("post", {}).get("responses", {}).items():
            name = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            fields = schemas.get(name.rpartition("/")[2], {}).get("properties", {})
            links = dict(_links_from(path, paths, fields)) if status.startswith("2") and "id" in fields else {}
            if links:
                answer["links"] = links


def _links_from(path: str, paths: Mapping[str, Any], fields: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations that take the id of a new record of `/v1/<things>`.

    They have a parameter after `/<things>/`, or a parameter named `<thing>_id`. Ids before it are those of the POST.
    Things of a record may have a path of their own: those of `/v1/products/{id}/problems` are `product-problems`. The
    record of a verb has it too: `/v1/customers/{id}/merge` creates one of the `merges`.
    A record that has a field of the parameter's name, such as the `agent_id` of an agent, is named by that field.
    """
    things = path.rpartition("/")[2]
    owner = re.search(r"/([a-z-]+?)s/\{\w+\}/[a-z-]+$", path)
    segments = f"{things}|{things}s|{owner[1]}-{things}" if owner else things
    parameter_name = f"{things.removesuffix('s').replace('-', '_')}_id"
    known = {name: f"$request.path.{name}" for name in _PARAMETER.findall(path)}
    for target, operations in paths.items():
        behind = re.search(rf"/(?:{segments})/\{{(\w+)\}}", target)
        for operation in operations.values():
            takes = behind[1] if behind else parameter_name
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            field = takes if takes in fields else "id"
            values = known | {takes: f"$response.body#/{field}"}
            needed = {takes, *_PARAMETER.findall(target)}
            if takes in names and needed <= values.keys():
                parameters = {name: values[name] for name in sorted(needed)}
                yield operation["operationId"], {"operationId": operation["operationId"], "parameters": parameters}


def _tags(paths: Mapping[str, Any]) -> set[str]:
    return {tag for operations in paths.values() for operation in operations.values() for tag in operation["tags"]}


def segments(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the owning service by the path segment after /v1/. Raises ValueError if two services claim it."""
    owners: dict[str, str] = {}
    for path, operations in document["paths"].items():
        segment = path.split("/")[2]
        for operation in operations.values():
            if owners.setdefault(segment, operation["x-service"]) != operation["x-service"]:
                raise ValueError(f"/v1/{segment} is claimed by two services")
    return owners
