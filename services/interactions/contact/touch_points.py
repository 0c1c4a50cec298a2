"""Touch points: each contact with a customer, recorded once, as sent by the system that saw it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field, model_validator

from chassis import (
    Batch,
    BatchResults,
    Event,
    Feature,
    Fields,
    Instant,
    JsonObject,
    Line,
    MultilineText,
    Page,
    PageParams,
    PersonErased,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    SourceIdReused,
    Subject,
    TimeRange,
    Upserted,
    Work,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.contact import tables
from services.interactions.contact.rules.touch_points import TouchPointDirection, TouchPointPhase
from services.interactions.sources.queries import (
    Content,
    RecordFields,
    SentBy,
    SourceId,
    SourceName,
    SourceRecorder,
)

feature = Feature("touch-points")
Sort = Literal["occurred_at", "-occurred_at", "recorded_at", "-recorded_at"]


class TouchPointRecorded(Event, type="interactions.touch_point_recorded.v1", partition_key="subject_id"):
    """A contact with a customer took place. Its texts are read from the API, because they may name a person."""

    touch_point_id: UUID
    """The touch point."""
    customer_id: UUID | None
    """The customer."""
    channel: Annotated[str, Field(examples=["phone"])]
    """The channel."""
    direction: TouchPointDirection
    """From the customer, or to the customer."""
    phase: TouchPointPhase | None
    """Before, during or after a purchase, or null."""
    agent_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The employee, or null."""
    duration_seconds: Annotated[int | None, Field(examples=[180])]
    """The duration in seconds, or null."""
    occurred_at: datetime
    """When it happened."""
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    recorded_at: datetime
    """When it was recorded."""

    @property
    def subject_id(self) -> UUID:
        """The customer, or the touch point itself if it has none."""
        return self.customer_id or self.touch_point_id


class AuthorFields(Fields):
    """The fields of an author."""

    handle: Reference
    """The name of the account, such as `@ada`."""
    display_name: Line | None = None
    """The name that the account shows."""


class AuthorCreate(AuthorFields, RequestBody):
    """A person without a customer record. Only a handle is known."""


class Author(AuthorFields, Resource):
    """A person with a known handle."""


class TouchPointFields(RecordFields):
    """The fields of a touch point."""

    channel: ShortLine
    """The channel, such as `email`, `phone` or `store`."""
    direction: TouchPointDirection
    """From the customer, or to the customer."""
    phase: TouchPointPhase | None = None
    """Before, during or after a purchase."""
    subject: Subject | None = None
    """The subject of the message, or of the conversation."""
    body: MultilineText | None = None
    """The text of the message, or notes of the conversation."""
    agent_id: Reference | None = None
    """The employee, by an id of your own."""
    duration_seconds: int | None = None
    """The duration in seconds."""
    occurred_at: Instant
    """When the contact took place."""
    data: JsonObject | None = None
    """Further details: a JSON object of at most 65,536 bytes."""


class TouchPointCreate(TouchPointFields, RequestBody):
    """A touch point to record."""

    example = {
        "source": "phone",
        "source_id": "call-4711",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "channel": "phone",
        "direction": "inbound",
        "phase": "after",
        "subject": "Delivery",
        "body": "Asked when the parcel arrives.",
        "agent_id": "agent-7",
        "duration_seconds": 180,
        "occurred_at": "2026-03-02T15:30:00Z",
    }

    author: AuthorCreate | None = None
    """The person, if there is no customer record."""
    duration_seconds: Annotated[int, Field(strict=True, ge=0, le=31_622_400)] | None = None
    """The duration in seconds."""

    @model_validator(mode="after")
    def _require_party(self) -> Self:
        if self.customer_id is None and self.author is None:
            raise ValueError("a customer_id or an author is expected")
        return self


class TouchPoint(TouchPointFields, Resource, row=tables.TouchPoint):
    """A touch point as recorded."""

    id: UUID
    """Identifies the touch point."""
    author: Author | None
    """The person, if there is no customer record."""
    recorded_at: datetime
    """When the touch point was recorded."""


def _to_row(body: TouchPointCreate) -> Content:
    # The hashes of the first touch points begin with these two columns, so those of a repeat have to as well.
    return {"customer_id": body.customer_id, "author": None} | body.values()


recorder = SourceRecorder(
    tables.TouchPoint,
    to_row=_to_row,
    event=lambda body, record: TouchPointRecorded.from_row(
        body, touch_point_id=record.id, recorded_at=record.recorded_at
    ),
    occurred_at="occurred_at",
)


@feature.post("/touch-points", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_touch_point(work: Work, body: TouchPointCreate) -> Upserted[TouchPoint]:
    """Record a touch point. A repeat with the same source id returns the existing touch point with 200."""
    row, created = await recorder.record(work, body)
    return Upserted(TouchPoint.from_row(row), created)


@feature.post("/touch-points/batch", scope="interactions:write", batch=True)
async def record_touch_points_batch(work: Work, batch: Batch[TouchPointCreate]) -> BatchResults:
    """Record up to a thousand touch points. Repeats are `unchanged`."""
    return await recorder.record_batch(work, batch)


@feature.get("/touch-points", scope="interactions:read")
async def list_touch_points(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    occurred_at: Annotated[TimeRange, Depends(time_range("occurred_at"))],
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only records of this customer.")] = None,
    channel: Annotated[list[ShortLine] | None, Parameter(description="Only these; may be repeated.")] = None,
    direction: Annotated[TouchPointDirection | None, Parameter(description="Only those in this direction.")] = None,
    agent_id: Annotated[Reference | None, Parameter(description="Only those of this employee.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-occurred_at",
) -> Page[TouchPoint]:
    """List touch points, newest first. To follow new records, sort by `recorded_at`."""
    # A single channel has an index in the order of the list. Several channels need a sort.
    channels = channel[0] if channel and len(channel) == 1 else channel
    columns = [*of_person(customer_id), *equals(channel=channels, direction=direction, agent_id=agent_id)]
    where = [*columns, *sent_by, *occurred_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.TouchPoint, TouchPoint, sort=sort, where=where)


@feature.get("/touch-points/{id:uuid}", scope="interactions:read")
async def read_touch_point(work: Work, id: UUID) -> TouchPoint:
    """Return a touch point."""
    return TouchPoint.from_row(await work.get(tables.TouchPoint, id))
