"""OpenAPI: what a service says of itself, and the one document that is merged from all of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from chassis.idempotency import (
    IdempotencyKeyInFlight,
    IdempotencyKeyMalformed,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
)
from chassis.problems import (
    Invalid,
    MalformedRequest,
    MissingScope,
    Problem,
    ProblemDocument,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownParameter,
    UnsupportedMediaType,
)

SECURITY_SCHEME = "api_key"
_REFERENCE = {"$ref": "#/components/schemas/Problem"}
GATEWAY = "gateway"
_FORWARDED = {
    status: {"description": text, "content": {"application/problem+json": {"schema": _REFERENCE}}}
    for status, text in {
        "502": "`service_lost`: The service went away while it answered; whether it did what was asked is not known.",
        "504": "`service_slow`: The service did not answer in time; whether it did what was asked is not known.",
    }.items()
}
"""What the gateway itself may answer for a service."""
_PARAMETER = re.compile(r"\{(\w+)\}")
_METHODS = ("get", "put", "post", "patch", "delete")
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to send again: the answer of the first one is given again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]+$",
        "examples": ["0193a7c2-order-42"],
    },
}


def declared_refusals(
    refuses: Iterable[type[Problem]], method: str, scope: str, key_required: bool
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: its own refusals and those that every operation may give."""
    problems: list[type[Problem]] = [*refuses, UnknownParameter, MalformedRequest, Unauthenticated, MissingScope]
    problems += [Invalid, Unavailable]
    if method != "GET":
        problems += [TooLarge, UnsupportedMediaType, IdempotencyKeyMalformed]
        problems += [IdempotencyKeyInFlight, IdempotencyKeyReused]
    if key_required:
        problems.append(IdempotencyKeyRequired)
    by_status: dict[int | str, dict[str, Any]] = {}
    for status in sorted({problem.status for problem in problems}):
        here = {problem.code: problem for problem in problems if problem.status == status}
        by_status[status] = {
            "description": " ".join(f"`{code}`: {problem.title}" for code, problem in sorted(here.items())),
            "content": {"application/problem+json": {"schema": _REFERENCE}},
        }
    return by_status


def document_of(app: FastAPI, service: str) -> dict[str, Any]:
    """One service's document: with its scopes, its keys, and problems for every error."""
    document = get_openapi(title=f"Rapport {service}", version="1", openapi_version="3.1.0", routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = ProblemDocument.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    schemas |= schemas["Problem"].pop("$defs", {})
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _finish_operation(operations[method], path, method, service)
    return document


def _finish_operation(operation: dict[str, Any], path: str, method: str, service: str) -> None:
    operation["x-service"] = service
    operation.pop("x-batch", None)
    operation.pop("x-secret", None)
    operation["security"] = [{SECURITY_SCHEME: [operation.pop("x-scope")]}]
    key_required = operation.pop("x-key-required")
    if method != "get":
        operation.setdefault("parameters", []).append(_KEY_PARAMETER | {"required": key_required})
    content = operation["responses"].get("422", {}).get("content", {})
    content.pop("application/json", None)


def merge(documents: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """One document of all services: equal schemas once; two different ones of one name fail."""
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
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `rap_<live|sandbox>_<id>_<secret>`, as a bearer token. "
                    "The scope that an operation needs stands beside it.",
                }
            },
        },
    }
    for service, document in documents.items():
        _take_over(merged, document, service)
    _link(merged["paths"], merged["components"]["schemas"])
    merged["tags"] = [{"name": name} for name in sorted(_tags(merged["paths"]))]
    return merged


def _take_over(merged: dict[str, Any], document: dict[str, Any], service: str) -> None:
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
    """Says where the id of a record goes that a POST has made: OpenAPI links, by the names that the house gives."""
    for path, operations in paths.items():
        for status, answer in operations.get("post", {}).get("responses", {}).items():
            name = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            has_id = "id" in schemas.get(name.rpartition("/")[2], {}).get("properties", {})
            links = dict(_links_from(path, paths)) if status.startswith("2") and has_id else {}
            if links:
                answer["links"] = links


def _links_from(path: str, paths: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What takes the id of a new one of `/v1/<things>`: the parameter behind `/<things>/`, or one called `<thing>_id`.

    The ids before it are those of the request that made it.
    """
    things = path.rpartition("/")[2]
    called = f"{things.removesuffix('s').replace('-', '_')}_id"
    known = {name: f"$request.path.{name}" for name in _PARAMETER.findall(path)}
    for target, operations in paths.items():
        behind = re.search(rf"/{things}/\{{(\w+)\}}", target)
        for operation in operations.values():
            takes = behind[1] if behind else called
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            values = known | {takes: "$response.body#/id"}
            needed = {takes, *_PARAMETER.findall(target)}
            if takes in names and needed <= values.keys():
                parameters = {name: values[name] for name in sorted(needed)}
                yield operation["operationId"], {"operationId": operation["operationId"], "parameters": parameters}


def _tags(paths: Mapping[str, Any]) -> set[str]:
    return {tag for operations in paths.values() for operation in operations.values() for tag in operation["tags"]}


def segments(document: Mapping[str, Any]) -> dict[str, str]:
    """Which service owns a path: the segment after /v1/ to the service's name. Two owners of one fail."""
    owners: dict[str, str] = {}
    for path, operations in document["paths"].items():
        segment = path.split("/")[2]
        for operation in operations.values():
            if owners.setdefault(segment, operation["x-service"]) != operation["x-service"]:
                raise ValueError(f"/v1/{segment} is claimed by two services")
    return owners


def operation_ids(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every operation's id."""
    return [
        operation["operationId"]
        for document in documents
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
