"""Documents about events: the JSON Schema of each, an example in its envelope, and the attributes of the envelope."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from chassis.core.events import Envelope, Event
from chassis.http.openapi_events import ATTRIBUTES, OPTIONAL_ATTRIBUTES
from chassis.http.openapi_schemas import subschemas

Schema = Mapping[str, Any]


def event_schema(event: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of an event's data, with an example, and without references to other files.

    Vocabularies are inline. Later versions of the publisher add fields, so it allows fields that it does not describe.
    """
    schema = event.model_json_schema(mode="serialization")
    definitions = schema.pop("$defs", {})
    vocabularies = {f"#/$defs/{name}": each for name, each in definitions.items() if {"enum", "const"} & each.keys()}
    for each in chain.from_iterable(map(subschemas, (schema, *definitions.values()))):
        if each.get("additionalProperties") is False:
            del each["additionalProperties"]
        if each.get("$ref") in vocabularies:
            each.update(vocabularies[each.pop("$ref")])
    parts = {name: each for name, each in definitions.items() if f"#/$defs/{name}" not in vocabularies}
    schema["examples"] = [_example(schema, "", parts)]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.event_type}
    return head | ({"$defs": parts} if parts else {}) | schema


def envelope_of_example(event: type[Event], data: Mapping[str, Any]) -> Envelope:
    """Return an envelope for an example of an event's data."""
    return Envelope(
        id=_example_id("event_id"),
        type=event.event_type,
        tenant=_example_id("tenant_id"),
        subject=event.model_construct(**data).subject,
        time=datetime(2026, 3, 1, 10, 0, 2, tzinfo=UTC),
        actor=f"key:{_example_id('api_key_id')}",
        sequence=4711,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


def headers_schema() -> dict[str, Any]:
    """Return the JSON Schema of the Kafka headers of every event."""
    properties = {header_name(name): schema for name, schema in ATTRIBUTES.items()}
    required = [header_name(name) for name in ATTRIBUTES if name not in OPTIONAL_ATTRIBUTES]
    return {"type": "object", "properties": properties, "required": required}


def header_name(attribute: str) -> str:
    """Return the Kafka header of an attribute."""
    return "content-type" if attribute == "datacontenttype" else f"ce_{attribute}"


def fields_of(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the type and the description of each field of an object."""
    for name, field in schema["properties"].items():
        yield name, type_name(field), str(field.get("description", ""))


def type_name(schema: Schema) -> str:
    """Return the type of a value in a few words, as pages show it."""
    if "$ref" in schema:
        return _definition(schema)
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    for name in ("anyOf", "allOf"):
        if name in schema:
            return " or ".join(map(type_name, schema[name]))
    if schema["type"] == "array":
        return f"array of {type_name(schema['items'])}"
    return str(schema.get("format", schema["type"]))


def _definition(schema: Schema) -> str:
    return str(schema["$ref"]).removeprefix("#/$defs/")


_BY_TYPE = {"date-time": "2026-03-01T10:00:00Z", "date": "2026-03-01", "integer": 1, "boolean": True}


def _example(schema: Schema, name: str, definitions: Mapping[str, Schema]) -> Any:
    """Return an example of a value: a declared one, or a value of its type. Raises LookupError if it needs one."""
    for choice in ("examples", "enum"):
        if choice in schema:
            return schema[choice][0]
    if "const" in schema:
        return schema["const"]
    if part := _part(schema, definitions):
        return _example(part, name, definitions)
    if schema["type"] == "object":
        return {field: _example(value, field, definitions) for field, value in schema["properties"].items()}
    if schema["type"] == "array":
        return [_example(schema["items"], name, definitions)]
    return _simple_example(schema.get("format", schema["type"]), name)


def _part(schema: Schema, definitions: Mapping[str, Schema]) -> Schema | None:
    """Return the schema that a reference means, or the first of several schemas."""
    if "$ref" in schema:
        return definitions[_definition(schema)]
    return next((schema[name][0] for name in ("anyOf", "allOf") if name in schema), None)


def _simple_example(type: str, name: str) -> Any:
    if type == "uuid":
        return str(_example_id(name))
    if type in _BY_TYPE:
        return _BY_TYPE[type]
    raise LookupError(f"the field {name} needs an example: Field(examples=[...])")


def _example_id(name: str) -> UUID:
    """Return a UUIDv7 that is the same for each field of this name, so that examples refer to each other."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return UUID(f"01a214bf-7b64-7{digest[:3]}-8{digest[3:6]}-{digest[6:18]}")
