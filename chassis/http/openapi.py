"""OpenAPI: the document of each service, and the document that is merged from all of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi.openapi.utils import get_openapi

from chassis.core.problems import (
    MalformedRequest,
    MissingScope,
    NotFound,
    PayloadTooLarge,
    Problem,
    ProblemDocument,
    RepeatedParameter,
    TenantSuspended,
    TimeLimitExceeded,
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
from chassis.http.locations import set_locations
from chassis.http.openapi_schemas import COMPONENT, simplify_document
from chassis.http.response_headers import HEADERS, declare_headers
from chassis.http.route import FeatureRoute, RouteOptions

SECURITY_SCHEME = "api_key"
_REFERENCE = {"$ref": f"{COMPONENT}Problem"}
GATEWAY = "gateway"
_FORWARDED = {
    status: {"description": text, "content": {"application/problem+json": {"schema": _REFERENCE}}}
    for status, text in {
        "502": "`upstream_lost`: The service disconnected. The request may or may not have been applied.",
        "504": "`upstream_timeout`: The service did not respond in time. The request may or may not have been applied.",
    }.items()
}
"""Errors that the gateway itself may return for a service."""
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


def error_responses(method: str, options: RouteOptions, path: str) -> dict[int | str, dict[str, Any]]:
    """Return the error `responses` of an operation: its own problems and those that every operation may raise."""
    problems: list[type[Problem]] = [*options.raises, UnknownParameter, RepeatedParameter, MalformedRequest]
    problems += [
        UnexpectedBody,
        Unauthenticated,
        MissingScope,
        TenantSuspended,
        ValidationFailed,
        TooManyRequests,
        Unavailable,
        TimeLimitExceeded,
    ]
    if "{" in path:
        problems.append(NotFound)
    if not options.store_response:
        problems.append(SecretNotReplayable)
    if method != "GET":
        problems += [PayloadTooLarge, UnsupportedMediaType, IdempotencyKeyMalformed]
        problems += [IdempotencyKeyInFlight, IdempotencyKeyReused]
    if options.idempotency_key == "required":
        problems.append(IdempotencyKeyRequired)
    by_status: dict[int | str, dict[str, Any]] = {}
    for status in sorted({problem.status for problem in problems}):
        titles = {problem.code: problem.title for problem in problems if problem.status == status}
        by_status[status] = {
            "description": " ".join(f"`{code}`: {title}" for code, title in sorted(titles.items())),
            "content": {"application/problem+json": {"schema": _REFERENCE}},
        }
    return by_status


def service_document(routes: Iterable[FeatureRoute], service: str) -> dict[str, Any]:
    """Return a service's document, with the scopes, keys and problems of its operations."""
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
            _finish_operation(operation, method, route.options, service)
            declare_headers(operation, route)
    simplify_document(document)
    return document


def _finish_operation(operation: dict[str, Any], method: str, options: RouteOptions, service: str) -> None:
    operation["x-service"] = service
    operation["security"] = [{SECURITY_SCHEME: [options.scope]}]
    if method != "GET":
        required = options.idempotency_key == "required"
        operation.setdefault("parameters", []).append(_KEY_PARAMETER | {"required": required})
    operation["responses"].get("422", {}).get("content", {}).pop("application/json", None)


def merge(documents: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """Return the document of all services.

    Equal schemas occur once. Raises ValueError for different schemas of the same name.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Rapport",
            "version": version,
            "description": "A customer-relationship backend.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": {
            "schemas": {},
            "headers": HEADERS,
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `rap_<live|sandbox>_<id>_<secret>`, as a bearer token. "
                    "Each operation lists the scope that it requires.",
                }
            },
        },
    }
    for service, document in documents.items():
        _add_document(merged, document, service)
    _link(merged["paths"], merged["components"]["schemas"])
    merged["tags"] = [{"name": name} for name in sorted(_tags(merged["paths"]))]
    return merged


def _add_document(merged: dict[str, Any], document: dict[str, Any], service: str) -> None:
    for path, operations in document["paths"].items():
        if path in merged["paths"]:
            raise ValueError(f"{path} is claimed by {service} and by another service")
        if service != GATEWAY:
            for operation in operations.values():
                operation["responses"] |= _FORWARDED
        merged["paths"][path] = operations
    schemas = merged["components"]["schemas"]
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"the schema {name} of {service} differs from another service's of the same name")


def _link(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Add OpenAPI links: the operations that take the id of a record that a POST creates, by naming convention."""
    for path, operations in paths.items():
        for status, answer in operations.get("post", {}).get("responses", {}).items():
            name = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            has_id = "id" in schemas.get(name.rpartition("/")[2], {}).get("properties", {})
            links = dict(_links_from(path, paths)) if status.startswith("2") and has_id else {}
            if links:
                answer["links"] = links


def _links_from(path: str, paths: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the operations that take the id of a new record of `/v1/<things>`.

    They have a parameter after `/<things>/`, or a parameter named `<thing>_id`. Ids before it are those of the POST.
    """
    things = path.rpartition("/")[2]
    parameter_name = f"{things.removesuffix('s').replace('-', '_')}_id"
    known = {name: f"$request.path.{name}" for name in _PARAMETER.findall(path)}
    for target, operations in paths.items():
        behind = re.search(rf"/{things}/\{{(\w+)\}}", target)
        for operation in operations.values():
            takes = behind[1] if behind else parameter_name
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            values = known | {takes: "$response.body#/id"}
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
