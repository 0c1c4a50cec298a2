"""Schemas of the OpenAPI document: from those that pydantic generates to those that generators of clients read best.

Generators make a class of each title and of each inline union, and a pointer of each null. So schemas have no titles,
a parameter is never null, and a reference replaces a union that has a single alternative.
"""

from collections.abc import Iterator
from typing import Any

COMPONENT = "#/components/schemas/"
_NULL = {"type": "null"}
_MAPS = ("properties", "patternProperties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_SINGLES = ("items", "additionalProperties", "not")


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas in it."""
    yield schema
    inner = [each for keyword in _MAPS for each in schema.get(keyword, {}).values()]
    inner += [each for keyword in _LISTS for each in schema.get(keyword, [])]
    inner += [schema[keyword] for keyword in _SINGLES if isinstance(schema.get(keyword), dict)]
    for each in inner:
        yield from subschemas(each)


def simplify_document(document: dict[str, Any]) -> None:
    """Simplify every schema of a document, and name its components after their classes.

    Raises ValueError for different classes of the same name.
    """
    components = document["components"]["schemas"]
    names = {name: schema.get("title", name) for name, schema in components.items()}
    named: dict[str, dict[str, Any]] = {}
    for name, schema in components.items():
        if named.setdefault(names[name], schema) != schema:
            raise ValueError(f"two different schemas are called {names[name]}, one of them as {name}")
    document["components"]["schemas"] = named
    for parameter in _parameters(document):
        _remove_null(parameter["schema"])
        if parameter["in"] == "header" and parameter["name"].islower():
            parameter["name"] = parameter["name"].title()
        parameter.setdefault("description", parameter["schema"].pop("description", ""))
    for schema in _schemas(document):
        for each in subschemas(schema):
            if "$ref" in each:
                name = each["$ref"].removeprefix(COMPONENT)
                each["$ref"] = COMPONENT + names.get(name, name)
        simplify(schema)


def simplify(schema: dict[str, Any]) -> None:
    """Remove titles and defaults that are null, and write limits of integers as integers."""
    for each in subschemas(schema):
        each.pop("title", None)
        if "default" in each and each["default"] is None:  # a field without a value is left out
            del each["default"]
        if each.get("type") == "integer":
            each |= {name: int(each[name]) for name in _LIMITS if name in each}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        yield from operations.values()


def _parameters(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operation in _operations(document):
        yield from operation.get("parameters", [])


def _schemas(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the components, and the schemas of parameters, bodies and responses."""
    yield from document["components"]["schemas"].values()
    yield from (parameter["schema"] for parameter in _parameters(document))
    for operation in _operations(document):
        for message in (operation.get("requestBody", {}), *operation["responses"].values()):
            yield from (media["schema"] for media in message.get("content", {}).values())


def _remove_null(schema: dict[str, Any]) -> None:
    """Remove the alternative null of a parameter, which a URL or a header cannot express."""
    alternatives = [each for each in schema.pop("anyOf", []) if each != _NULL]
    if len(alternatives) == 1:
        schema.update(alternatives[0])
    elif alternatives:
        schema["anyOf"] = alternatives
