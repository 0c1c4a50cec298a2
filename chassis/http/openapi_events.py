"""Webhooks of the OpenAPI document: a request for each event that is published, as a receiver gets it.

The body is a CloudEvent in structured mode. The headers are those of Standard Webhooks 1.0.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from chassis.core.events import SPEC_VERSION, Event
from chassis.http.openapi_schemas import COMPONENT, simplify_document
from chassis.types.text import snake_case

TAG = {
    "name": "webhooks",
    "description": "Requests that Rapport sends to the addresses that a tenant registers: one for each event.",
}
MEDIA_TYPE = "application/cloudevents+json"
_TEXT = {"type": "string"}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "specversion": {"type": "string", "const": SPEC_VERSION, "description": "The version of CloudEvents."},
    "id": {"type": "string", "format": "uuid", "description": "Identifies the event. A repeat has the same id."},
    "source": _TEXT | {"description": "The publishing service, as `/rapport/<service>`."},
    "type": _TEXT | {"description": "The type of the event, with its version."},
    "time": {"type": "string", "format": "date-time", "description": "When the event was published."},
    "subject": _TEXT
    | {"description": "The record that the event is about. A service's events with the same subject are in order."},
    "tenantid": {"type": "string", "format": "uuid", "description": "The tenant."},
    "sequence": _TEXT
    | {"pattern": "^[0-9]+$", "description": "Increases with each change of a record. Gaps are normal."},
    "actor": _TEXT | {"description": "The principal of the change: `key:<id>` for an API key."},
    "traceparent": _TEXT | {"description": "The trace of the change (W3C Trace Context)."},
    "datacontenttype": {"type": "string", "const": "application/json", "description": "The media type of the data."},
}
"""The attributes of the envelope by name: those of CloudEvents, and Rapport's extensions."""
OPTIONAL_ATTRIBUTES = ("traceparent",)
_HEADERS = {
    "webhook-id": "Identifies the delivery. Every attempt has the same id: ignore an id that was handled already.",
    "webhook-timestamp": "The time of the attempt, in seconds since 1970. Reject one more than five minutes away.",
    "webhook-signature": "`v1,` and a base64 HMAC-SHA256 of id, timestamp and raw body, joined by full stops. During a "
    "rotation of the secret there are several, separated by spaces.",
}
_RESPONSES = {
    "2XX": {"description": "The event was received."},
    "410": {"description": "The receiver wants no more events: the endpoint is disabled."},
    "default": {"description": "The event was not received. It is sent again later."},
}


def add_webhooks(document: dict[str, Any], published: Mapping[str, type[Event]]) -> None:
    """Add the webhooks of these events and their schemas to a document. Raises ValueError for a name that is taken."""
    if not published:
        return
    _, definitions = models_json_schema(
        [(event, "serialization") for event in published.values()], ref_template=f"{COMPONENT}{{model}}"
    )
    own: dict[str, Any] = {"paths": {}, "components": {"schemas": definitions["$defs"]}}
    simplify_document(own)
    components = document["components"]["schemas"]
    for name, schema in own["components"]["schemas"].items():
        known = components.setdefault(name, schema)
        for each in (schema, known):
            if each.get("additionalProperties") is False:  # a release may add fields
                del each["additionalProperties"]
        if known != schema:
            raise ValueError(f"the schema {name} of an event differs from the API's of the same name")
    components |= {f"{event.__name__}Event": _envelope(event) for event in published.values()}
    document["webhooks"] = {event_type: {"post": _webhook(event)} for event_type, event in published.items()}
    document["tags"] = sorted([*document["tags"], TAG], key=lambda tag: str(tag["name"]))


def _envelope(event: type[Event]) -> dict[str, Any]:
    own = {"type": {"const": event.event_type}, "subject": {"description": f"The `{event.key_field}` of the data."}}
    properties = {name: schema | own.get(name, {}) for name, schema in ATTRIBUTES.items()}
    return {
        "type": "object",
        "description": f"{_summary(event)} The envelope is a CloudEvent.",
        "properties": properties
        | {"data": {"$ref": f"{COMPONENT}{event.__name__}", "description": "The data of the event."}},
        "required": [*(name for name in properties if name not in OPTIONAL_ATTRIBUTES), "data"],
    }


def _webhook(event: type[Event]) -> dict[str, Any]:
    return {
        "tags": [TAG["name"]],
        "operationId": f"receive_{snake_case(event.__name__)}",
        "summary": snake_case(event.__name__).replace("_", " ").capitalize(),
        "description": (event.__doc__ or "").strip(),
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": _TEXT}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"{COMPONENT}{event.__name__}Event"}}},
        },
        "responses": _RESPONSES,
    }


def _summary(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().split("\n")[0]
