"""Bodies with fields that a caller must not set, in every object of a request's schema, generated from the document."""

from collections.abc import Iterator
from typing import Any

NEVER_TAKEN = ("tenant_id", "created_by", "owner", "role", "is_admin", "secret_hash", "balance", "__proto__")
"""Field names that attackers try, in addition to the response fields of the document."""
SMUGGLED = "smuggled"
MOST_NAMES = 80
"""A response reports at most 100 errors, and some of them are of fields that are missing."""


def bodies_with_more(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[Any, set[str]]]:
    """Yield bodies with undeclared fields in every object of the schema, and the pointers to these fields.

    Each body has a portion of the names, so that a response reports all of them.
    """
    shown = {name for one in document["components"]["schemas"].values() for name in one.get("properties", {})}
    names = sorted(shown | set(NEVER_TAKEN))
    objects = len(list(_smuggled(_filled(document, schema, {SMUGGLED}), "")))
    portion = MOST_NAMES // max(objects, 1)
    for begin in range(0, len(names), portion):
        body = _filled(document, schema, set(names[begin : begin + portion]))
        yield body, set(_smuggled(body, ""))


def _filled(document: dict[str, Any], schema: dict[str, Any], names: set[str]) -> Any:
    """Return a value with only the schema's objects and lists of objects, without declared fields of other types."""
    schema = resolved(document, schema)
    if schema.get("type") == "array":
        item = _filled(document, schema["items"], names)
        return None if item is None else [item]
    if "properties" not in schema:
        return None
    taken = schema["properties"]
    inner = {name: _filled(document, one, names) for name, one in taken.items()}
    more = {name: SMUGGLED for name in sorted(names - set(taken))}
    return {name: one for name, one in inner.items() if one is not None} | more


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with references resolved, and the object or array selected among alternatives."""
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema or "oneOf" in schema:
            choices = schema.get("anyOf") or schema["oneOf"]
            schema = next((one for one in choices if "$ref" in one or one.get("type") == "array"), choices[0])
        else:
            return schema


def _smuggled(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _smuggled(one, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _smuggled(one, f"{pointer}/{index}")
    elif value == SMUGGLED:
        yield pointer
