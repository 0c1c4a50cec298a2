"""Touch point schemas: what the `data` of a channel's touch points has to contain, as the tenant decides.

A schema never changes, because it says what the touch points of its time satisfied. A new version takes its place.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    FieldCode,
    Fields,
    JsonObject,
    Page,
    PageParams,
    Query,
    RequestBody,
    Resource,
    ShortLine,
    ValidationFailed,
    Work,
    equals,
    json,
    paginate,
)
from services.interactions.contact import tables
from services.interactions.contact.rules.payload_schemas import InvalidSchema, check_schema

feature = Feature("touch-point-schemas")
INVALID_SCHEMA = FieldCode(
    "invalid_schema",
    "The document is not a JSON Schema, has a keyword that is not supported, or exceeds a limit.",
    "Change the part that the pointer names.",
)


class TouchPointSchemaFields(Fields):
    """The fields of a schema."""

    channel: ShortLine
    """The channel, as touch points name it."""


class TouchPointSchemaCreate(TouchPointSchemaFields, RequestBody):
    """A new version of the schema of a channel."""

    example = {
        "channel": "review",
        "schema_document": {
            "type": "object",
            "properties": {"rating": {"type": "integer", "minimum": 1, "maximum": 5}, "sku": {"type": "string"}},
            "required": ["rating"],
        },
    }

    schema_document: JsonObject
    """A JSON Schema (2020-12) of at most 16,384 bytes. It refers to its own `$defs` only. `{}` accepts everything."""


class TouchPointSchema(TouchPointSchemaFields, Resource, row=tables.TouchPointSchema):
    """A version of the schema of a channel. The newest one is in force."""

    id: UUID
    """Identifies the version."""
    number: int
    """The number of the version, from 1."""
    schema_document: JsonObject
    """The JSON Schema."""
    created_at: datetime
    """When it came into force."""


@feature.post("/touch-point-schemas", scope="interactions:configure", status_code=201)
async def set_touch_point_schema(work: Work, body: TouchPointSchemaCreate) -> TouchPointSchema:
    """Set the schema of a channel. New touch points whose `data` does not satisfy it are refused.

    Touch points without `data` are not checked, and those that are recorded already stay.
    """
    try:
        check_schema(body.schema_document)
    except InvalidSchema as error:
        pointer = f"/schema_document{error.pointer}"
        raise ValidationFailed.field(pointer, INVALID_SCHEMA, error.detail) from None
    # If a concurrent transaction takes this number first, the unique constraint fails and the request runs again.
    newest = await work.select(_NEWEST, channel=body.channel)
    if newest and json.json_equal(newest[0].schema_document, body.schema_document):
        return TouchPointSchema.from_row(newest[0])
    number = newest[0].number + 1 if newest else 1
    schema = await work.insert(tables.TouchPointSchema(**body.values(), number=number, created_at=work.now))
    return TouchPointSchema.from_row(schema)


@feature.get("/touch-point-schemas", scope="interactions:read")
async def list_touch_point_schemas(
    work: Work,
    params: PageParams,
    channel: Annotated[ShortLine | None, Parameter(description="Only those of this channel.")] = None,
) -> Page[TouchPointSchema]:
    """List the versions of schemas, newest first."""
    where = equals(channel=channel)
    return await paginate(work, params, tables.TouchPointSchema, TouchPointSchema, sort="-created_at", where=where)


@feature.get("/touch-point-schemas/{id:uuid}", scope="interactions:read")
async def read_touch_point_schema(work: Work, id: UUID) -> TouchPointSchema:
    """Return a version of a schema."""
    return TouchPointSchema.from_row(await work.get(tables.TouchPointSchema, id))


_NEWEST = Query(
    tables.TouchPointSchema,
    "select * from touch_point_schema where channel = :channel order by number desc limit 1",
)
