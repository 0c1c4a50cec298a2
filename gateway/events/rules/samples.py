"""Sample events: data that fits the JSON Schema of an event."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_BY_FORMAT = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "date-time": "2026-03-01T10:00:00Z",
    "date": "2026-03-01",
}
_BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}


def sample(schema: Schema) -> Any:
    """Return a value that the schema allows: its first example, or else the simplest value."""
    return _sample(schema, schema.get("$defs", {}))


def _sample(schema: Schema, definitions: Mapping[str, Schema]) -> Any:
    if "$ref" in schema:
        return _sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "const" in schema:
        return schema["const"]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return _sample(schema[name][0], definitions)
    return _by_type(schema, definitions)


def _by_type(schema: Schema, definitions: Mapping[str, Schema]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {name: _sample(part, definitions) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_sample(schema.get("items", {}), definitions)]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), _text(schema))
    return _BY_TYPE.get(str(kind))


def _text(schema: Schema) -> str:
    """Return a text: an amount if the schema describes one by its pattern."""
    return "12.50" if "pattern" in schema else "text"
