"""Events: publishers guarantee the fields that readers require, and event schemas change compatibly."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chassis.cli.contracts import breaking_changes
from chassis.cli.event_documents import event_schema
from chassis.core.events import Event, IncomingEvent, matches
from chassis.service import Service
from local import generated

generated.services()  # importing a service registers its events


@pytest.fixture
def readings(services: list[Service]) -> list[tuple[str, type[IncomingEvent]]]:
    return [
        (f"{service.name}.{handler.feature}", handler.event) for service in services for handler in service.handlers
    ]


def test_every_event_that_is_read_is_published(readings: list[tuple[str, type[IncomingEvent]]]) -> None:
    assert [
        f"{reader} reads {incoming.event_type}, which nobody publishes"
        for reader, incoming in readings
        if not any(matches(incoming.event_type, type) for type in Event.published) and incoming.event_type[-1] != "*"
    ] == []


def test_what_a_reader_requires_is_promised(readings: list[tuple[str, type[IncomingEvent]]]) -> None:
    assert [
        f"{reader} relies on {field} of {incoming.event_type}: {why}"
        for reader, incoming in readings
        for type, event in Event.published.items()
        if matches(incoming.event_type, type)
        for field, why in unkept(incoming, event)
    ] == []


def unkept(incoming: type[IncomingEvent], event: type[Event]) -> Iterator[tuple[str, str]]:
    """Yield the fields that a reader requires and the publisher does not guarantee in that form."""
    needed, promised = incoming.model_json_schema(), event.model_json_schema(mode="serialization")
    for field in needed.get("required", []):
        if field not in promised.get("required", []):
            yield field, "it is not promised"
        elif form(needed, needed["properties"][field]) != form(promised, promised["properties"][field]):
            yield field, "it has another form"


PROSE = ("title", "description", "examples")


def form(document: dict[str, Any], schema: Any) -> Any:
    """Return a schema without its texts, with its references resolved."""
    if isinstance(schema, list):
        return [form(document, one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return form(document, document["$defs"][schema["$ref"].rsplit("/", 1)[-1]])
    return {name: form(document, value) for name, value in schema.items() if name not in PROSE}


def test_a_renamed_field_names_its_reader() -> None:
    """The check itself detects that a publisher has renamed a field."""

    class Renamed(Event, type="testing.renamed.v1", partition_key="total"):
        total: str

    class Reads(IncomingEvent, type="testing.renamed.v1"):
        amount: str

    try:
        assert list(unkept(Reads, Renamed)) == [("amount", "it is not promised")]
    finally:
        Event.published.pop("testing.renamed.v1")


@pytest.mark.parametrize("type", sorted(Event.published))
def test_an_event_is_named_and_keyed_as_events_are(type: str) -> None:
    event = Event.published[type]
    service, fact, version = type.split(".")
    name = "".join(word.capitalize() for word in fact.split("_"))
    if event.__module__.startswith("chassis."):  # each service publishes such an event
        name = service.capitalize() + name
    assert name == event.__name__
    assert version[0] == "v"
    assert int(version[1:]) >= 1
    assert event.__doc__
    assert event.__module__.startswith("chassis.") or service in event.__module__
    schema = event_schema(event)
    Draft202012Validator.check_schema(schema)
    assert "additionalProperties" not in str(schema)  # readers ignore the fields of later versions
    assert set(schema["required"]) == set(schema["properties"])  # readers can rely on what the schema shows


BEFORE = {
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string", "enum": ["a"]},
        "line": {"$ref": "#/$defs/Line"},
    },
    "required": ["id", "line"],
    "$defs": {"Line": {"properties": {"sku": {"type": "string", "pattern": "^[0-9]{1,12}$"}}, "required": ["sku"]}},
}


@pytest.mark.parametrize(
    ("case", "change", "lost"),
    [
        ("something is added", {"properties": BEFORE["properties"] | {"new": {"type": "string"}}}, []),  # type: ignore[operator]
        ("a field is gone", {"properties": {"id": {"type": "string"}}}, ["kind was removed", "line was removed"]),
        ("a field is no longer promised", {"required": ["id"]}, ["line is no longer required"]),
        (
            "a field has another type",
            {"properties": BEFORE["properties"] | {"id": {"type": "integer"}}},  # type: ignore[operator]
            ["id changed its type"],
        ),
        (
            "a field allows fewer values",
            {"properties": BEFORE["properties"] | {"id": {"type": "string", "pattern": "^[0-9]{1,9}$"}}},  # type: ignore[operator]
            [],
        ),
        (
            "a part allows fewer digits",
            {
                "$defs": {
                    "Line": {"properties": {"sku": {"type": "string", "pattern": "^[0-9]{1,9}$"}}, "required": ["sku"]}
                }
            },
            [],
        ),
        (
            "a part allows more digits",
            {
                "$defs": {
                    "Line": {"properties": {"sku": {"type": "string", "pattern": "^[0-9]{1,19}$"}}, "required": ["sku"]}
                }
            },
            ["Line.sku changed its type"],
        ),
        (
            "a vocabulary has more values",
            {"properties": BEFORE["properties"] | {"kind": {"type": "string", "enum": ["a", "b"]}}},  # type: ignore[operator]
            [],
        ),
        (
            "a vocabulary is open now",
            {"properties": BEFORE["properties"] | {"kind": {"type": "string"}}},  # type: ignore[operator]
            [],
        ),
        (
            "a vocabulary has another type",
            {"properties": BEFORE["properties"] | {"kind": {"type": "integer", "enum": [1]}}},  # type: ignore[operator]
            ["kind changed its type"],
        ),
        (
            "a text becomes a vocabulary",
            {"properties": BEFORE["properties"] | {"id": {"type": "string", "enum": ["a"]}}},  # type: ignore[operator]
            ["id changed its type"],
        ),
        ("a part of a part is gone", {"$defs": {"Line": {"properties": {}}}}, ["Line.sku was removed"]),
        (
            "only prose has changed",
            {"properties": BEFORE["properties"] | {"id": {"type": "string", "description": "new"}}},  # type: ignore[operator]
            [],
        ),
    ],
)
def test_only_additions_are_no_break(case: str, change: dict[str, Any], lost: list[str]) -> None:
    assert breaking_changes(BEFORE, {**BEFORE, **change}) == lost
