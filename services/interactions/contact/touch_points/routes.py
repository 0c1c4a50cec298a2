"""The operations on touch points."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Batch,
    BatchResults,
    Feature,
    Filter,
    Line,
    Page,
    PageParams,
    PersonErased,
    Reference,
    ShortLine,
    SourceIdReused,
    TimeRange,
    Upserted,
    Work,
    condition,
    current_person_sql,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.contact import tables
from services.interactions.contact.queries.touch_points import TouchPoint, TouchPointCreate, recorder
from services.interactions.contact.rules.search import prefix_query
from services.interactions.contact.rules.touch_points import TouchPointDirection
from services.interactions.sources.queries import SentBy

feature = Feature("touch-points")
Sort = Literal["occurred_at", "-occurred_at", "recorded_at", "-recorded_at"]
MAX_FOUND = 1_000


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
    thread_id: Annotated[UUID | None, Parameter(description="Only those of this thread.")] = None,
    author: Annotated[Reference | None, Parameter(description="Only those of the author with this handle.")] = None,
    q: Annotated[
        Line | None,
        Parameter(
            description="Only those whose subject or body has every one of these words, or words that begin with them:"
            " the newest 1,000 of the tenant, or of the customer."
        ),
    ] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-occurred_at",
) -> Page[TouchPoint]:
    """List touch points, newest first. To follow new records, sort by `recorded_at`."""
    # A single channel has an index in the order of the list. Several channels need a sort.
    channels = channel[0] if channel and len(channel) == 1 else channel
    named = equals(channel=channels, direction=direction, agent_id=agent_id, thread_id=thread_id, author_handle=author)
    where = [*of_person(customer_id), *named, *sent_by, *occurred_at.filters, *recorded_at.filters]
    if q is not None:
        where.append(_with_words(q, customer_id))
    return await paginate(work, params, tables.TouchPoint, TouchPoint, sort=sort, where=where)


@feature.get("/touch-points/{id:uuid}", scope="interactions:read")
async def read_touch_point(work: Work, id: UUID) -> TouchPoint:
    """Return a touch point."""
    return TouchPoint.from_row(await work.get(tables.TouchPoint, id))


def _with_words(text: str, customer_id: UUID | None) -> Filter:
    """Return the condition of touch points with these words. The array keeps the plan: a look-up of each id."""
    words = prefix_query(text)
    if words is None:
        return condition("false")
    search = f"search_touch_points(:words, {current_person_sql(':customer::uuid')}, {MAX_FOUND})"
    return condition(f"id = any(array(select {search}))", words=words, customer=customer_id)
