"""Redaction: an event without its texts, still valid by its schema.

Texts of a source or of staff may name a person. A text is what the schema leaves open: a string without a format, a
pattern or a vocabulary. Ids, times, amounts and vocabularies stay. An object that is personal as a whole, such as the
contact details of a customer, has the mark `PERSONAL` in its schema: it is replaced by null, with all of its values.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
KEPT = frozenset(("category", "changed", "channel", "currency", "scopes", "sku", "timezone"))
"""Fields that name goods, channels or settings, never a person."""
PERSONAL: dict[str, Any] = {"x-personal": True}
"""The mark of an object that is personal as a whole, for `json_schema_extra`. Fields that refer to it are nullable."""
_CLOSED = ("format", "pattern", "enum", "const")


def redact(data: Any, schema: Schema) -> Any:
    """Return the data of an event without its texts: null where the schema allows it, else empty.

    A list of texts, or of objects that consist of texts, becomes empty.
    """
    return _redact(data, schema, schema.get("$defs", {}))


def _redact(value: Any, schema: Schema, definitions: Schema) -> Any:
    schema = _resolve(schema, definitions)
    if value is None or PERSONAL.items() <= schema.items():
        return None
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {
            name: item if name in KEPT else _redact(item, fields.get(name, {}), definitions)
            for name, item in value.items()
        }
    if isinstance(value, list):
        items = schema.get("items", {})
        return [] if _is_only_text(items, definitions) else [_redact(item, items, definitions) for item in value]
    if isinstance(value, str) and _is_text(schema):
        return None if _is_nullable(schema) else ""
    return value


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    """Return the schema behind a reference, or the part of a union that is not null."""
    while True:
        if "$ref" in schema:
            schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
        elif "anyOf" in schema:
            parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
            nullable = len(parts) < len(schema["anyOf"])
            schema = {**_resolve(parts[0], definitions), **({"nullable": True} if nullable else {})}
        else:
            return schema


def _is_text(schema: Schema) -> bool:
    return not any(name in schema for name in _CLOSED)


def _is_nullable(schema: Schema) -> bool:
    return bool(schema.get("nullable"))


def _is_only_text(schema: Schema, definitions: Schema) -> bool:
    schema = _resolve(schema, definitions)
    if schema.get("type") == "object":
        return all(_is_only_text(part, definitions) for part in schema.get("properties", {}).values())
    return schema.get("type", "string") == "string" and _is_text(schema)
