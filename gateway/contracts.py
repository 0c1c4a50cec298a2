"""The services' contracts, from the committed documents: the owner of each path, and the scopes that exist."""

from functools import cache
from pathlib import Path
from typing import Any

from chassis.http.openapi import segments
from chassis.types import json


@cache
def openapi(folder: Path) -> dict[str, Any]:
    """Return the merged OpenAPI document."""
    return dict(json.loads((folder / "openapi.json").read_bytes()))


@cache
def owners(folder: Path) -> dict[str, str]:
    """Return the service that owns each first segment of a path after /v1/."""
    return segments(openapi(folder))


@cache
def public_paths(folder: Path) -> dict[str, dict[str, frozenset[str]]]:
    """Return the methods of each public path, by the first segment after /v1/. Their second segment is a link token."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for path, operations in openapi(folder)["paths"].items():
        methods = frozenset(method.upper() for method, operation in operations.items() if operation.get("x-public"))
        if methods:
            found.setdefault(path.split("/")[2], {})[path] = methods
    return found


@cache
def customer_scopes(folder: Path) -> frozenset[str]:
    """Return the scopes of operations that customers' tokens may call."""
    operations = [operation for path in openapi(folder)["paths"].values() for operation in path.values()]
    return frozenset(
        operation["x-scope"] for operation in operations if "x-owner" in operation and "x-scope" in operation
    )


@cache
def scopes(folder: Path) -> tuple[str, ...]:
    """Return every scope that an operation requires, sorted."""
    operations = [operation for path in openapi(folder)["paths"].values() for operation in path.values()]
    return tuple(sorted({operation["x-scope"] for operation in operations if "x-scope" in operation}))


@cache
def streamed(folder: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the operations with files, as method and path, by the first segment of the path after /v1/."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for path, operations in openapi(folder)["paths"].items():
        segment = path.split("/")[2]
        for method, operation in operations.items():
            if operation.get("x-streamed"):
                found[segment] = (*found.get(segment, ()), (method.upper(), path))
    return found


@cache
def event_types(folder: Path) -> tuple[str, ...]:
    """Return every type of event that is published, sorted."""
    channels = json.loads((folder / "asyncapi.json").read_bytes())["channels"]
    return tuple(sorted(message["name"] for channel in channels.values() for message in channel["messages"].values()))


@cache
def event_schema(folder: Path, type: str) -> dict[str, Any]:
    """Return the JSON Schema of an event's data. The type must be published."""
    return dict(json.loads((folder / "events" / f"{type}.json").read_bytes()))
