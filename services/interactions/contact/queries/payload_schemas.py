"""The check of data against the schema of its channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import FieldCode, FieldError, Problem, Query, UnitOfWork, ValidationFailed
from services.interactions.contact.rules.payload_schemas import mismatches
from services.interactions.sources.queries import NewRecord

SCHEMA_MISMATCH = FieldCode(
    "schema_mismatch",
    "The data does not satisfy the schema that the tenant has set for the channel.",
    "Send the data as the schema describes it: GET /v1/touch-point-schemas?channel= lists its versions.",
)


@dataclass(frozen=True, slots=True)
class SchemaInForce:
    """The schema of a channel that is in force."""

    channel: str
    number: int
    schema_document: dict[str, Any]


async def check_payloads(work: UnitOfWork, records: Sequence[NewRecord]) -> dict[UUID, Problem]:
    """Return a problem for each record whose data its channel's schema refuses. Records without data cost nothing."""
    with_data = [record for record in records if record.columns["data"] is not None]
    if not with_data:
        return {}
    channels = sorted({record.columns["channel"] for record in with_data})
    schemas = {row.channel: row for row in await work.select(_IN_FORCE, channels=channels)}
    problems = {}
    for record in with_data:
        schema = schemas.get(record.columns["channel"])
        if schema is not None and (problem := _problem(schema, record.columns["data"])) is not None:
            problems[record.id] = problem
    return problems


def _problem(schema: SchemaInForce, data: dict[str, Any]) -> Problem | None:
    errors = [
        FieldError(location="body", pointer=f"/data{found.pointer}", code=SCHEMA_MISMATCH, detail=found.detail)
        for found in mismatches(schema.schema_document, data)
    ]
    detail = f"The data does not satisfy version {schema.number} of the schema of the channel {schema.channel}."
    return ValidationFailed(detail, errors=errors) if errors else None


_IN_FORCE = Query(
    SchemaInForce,
    """
    select newest.channel, newest.number, newest.schema_document
    from unnest(:channels::text[]) as asked(channel),
    lateral (
        select channel, number, schema_document from touch_point_schema
        where touch_point_schema.channel = asked.channel order by number desc limit 1
    ) as newest
    """,
)
