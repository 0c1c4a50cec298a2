"""Touch points: whatever passed between us and a customer, told once by the system that saw it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field, model_validator

from chassis import (
    Batch,
    BatchResults,
    Event,
    Feature,
    Instant,
    Line,
    Paragraphs,
    Problem,
    Reference,
    Wire,
    Word,
    Work,
    results_of,
    shown,
)
from services.interactions.model import TouchPoint as Row
from services.interactions.operations import Outcome, SourceIdReused, a_row, record_once, refuse_the_future

feature = Feature("touch-points")

Direction = Literal["inbound", "outbound"]
Phase = Literal["before", "during", "after"]


class TouchPointRecorded(Event, type="interactions.touch_point_recorded.v1", key="whose"):
    """Something passed between us and a customer; what was said is read from the API."""

    touch_point_id: UUID
    customer_id: UUID | None
    channel: str
    direction: Direction
    phase: Phase | None
    agent_id: str | None
    duration_seconds: int | None
    occurred_at: datetime

    @property
    def whose(self) -> UUID:
        """The customer; the touch point itself while nobody knows whose it is."""
        return self.customer_id or self.touch_point_id


class NewAuthor(Wire):
    """Somebody who may turn out to be a customer: known by a handle only."""

    handle: Reference
    display_name: Line | None = None


class NewTouchPoint(Wire):
    """A touch point to be recorded."""

    customer_id: UUID | None = None
    author: NewAuthor | None = None
    source: Reference
    source_id: Reference
    channel: Word
    direction: Direction
    phase: Phase | None = None
    subject: Line | None = None
    body: Paragraphs | None = None
    agent_id: Reference | None = None
    duration_seconds: Annotated[int, Field(strict=True, ge=0, le=31_622_400)] | None = None
    occurred_at: Instant
    data: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        if self.customer_id is None and self.author is None:
            raise ValueError("a customer_id or an author is expected")
        return self


class Author(BaseModel):
    """Somebody who is known by a handle."""

    handle: str
    display_name: str | None


class TouchPoint(BaseModel):
    """A touch point as it was recorded."""

    id: UUID
    customer_id: UUID | None
    author: Author | None
    source: str
    source_id: str
    channel: str
    direction: Direction
    phase: Phase | None
    subject: str | None
    body: str | None
    agent_id: str | None
    duration_seconds: int | None
    occurred_at: datetime
    data: dict[str, Any] | None
    recorded_at: datetime


@feature.post("/touch-points", scope="interactions:write", status_code=201, refuses=[SourceIdReused], repeatable=True)
async def record_touch_point(work: Work, wanted: NewTouchPoint, response: Response) -> TouchPoint:
    """Records a touch point; sent again, it answers 200 with what stands."""
    outcomes, new = await _record(work, [(0, wanted)])
    outcome = outcomes[0]
    if isinstance(outcome, Problem):
        raise outcome
    if new:
        return touch_point_of(new[0])
    response.status_code = 200
    return touch_point_of(vars(await work.get(Row, outcome[1])))


@feature.post("/touch-points/batch", scope="interactions:write", batch=True)
async def record_touch_points_batch(work: Work, batch: Batch[NewTouchPoint]) -> BatchResults:
    """Records up to a thousand touch points; one that stands already is `unchanged`."""
    outcomes, _ = await _record(work, batch.readable())
    return results_of(batch, outcomes)


@feature.get("/touch-points/{id:uuid}", scope="interactions:read")
async def read_touch_point(work: Work, id: UUID) -> TouchPoint:
    """One touch point."""
    return touch_point_of(vars(await work.get(Row, id)))


async def _record(
    work: Work, items: Sequence[tuple[int, NewTouchPoint]]
) -> tuple[dict[int, Outcome], list[dict[str, Any]]]:
    """Records each touch point that is not recorded yet; the outcomes by place, and the rows that are new."""
    refused: dict[int, Outcome] = {}
    rows = []
    for index, item in items:
        try:
            refuse_the_future(work, item.occurred_at, "/occurred_at")
        except Problem as problem:
            refused[index] = problem
        else:
            rows.append((index, a_row(work, item.model_dump())))
    outcomes, new = await record_once(work, Row, rows)
    for row in new:
        work.publish(shown(TouchPointRecorded, row, touch_point_id=row["id"]))
    return outcomes | refused, new


def touch_point_of(row: Mapping[str, Any]) -> TouchPoint:
    """The touch point as it is shown."""
    return shown(TouchPoint, row)
