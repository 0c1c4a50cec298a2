"""Timelines: everything that happened with a customer, newest first."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from chassis import (
    Feature,
    Money,
    Page,
    PageParams,
    Resource,
    ShortLine,
    TimeRange,
    Work,
    condition,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.contact.rules.touch_points import TouchPointDirection
from services.interactions.overview import tables
from services.interactions.overview.rules import TimelineEntryKind

feature = Feature("timelines")


class TimelineEntry(Resource, row=tables.TimelineRow, computed=("amount",)):
    """A touch point, a purchase, or a refund, whose amount is negative."""

    id: UUID
    """The id of the touch point, the purchase or the refund."""
    kind: TimelineEntryKind
    """The kind of record."""
    occurred_at: datetime
    """When it took place."""
    channel: str | None
    """The channel, if there is one."""
    direction: str | None
    """The direction of a touch point."""
    subject: str | None
    """The subject of a touch point, or the store of a purchase."""
    amount: Money | None
    """The amount of a purchase, or the negative amount of a refund."""


@feature.get("/timelines/{customer_id:uuid}", scope="interactions:read", owner="customer_id")
async def read_timeline(
    work: Work,
    customer_id: UUID,
    params: PageParams,
    occurred_at: Annotated[TimeRange, Depends(time_range("occurred_at"))],
    kind: Annotated[list[TimelineEntryKind] | None, Query(description="Return only these; may be repeated.")] = None,
    channel: Annotated[list[ShortLine] | None, Query(description="Return only these; may be repeated.")] = None,
    direction: Annotated[
        TouchPointDirection | None, Query(description="Return only touch points in this direction.")
    ] = None,
) -> Page[TimelineEntry]:
    """List the records of a customer, newest first. The list is empty for an unknown customer."""
    kinds = [condition("kind = any(:kinds)", kinds=kind)] if kind else []
    columns = equals(channel=channel, direction=direction)
    where = [*of_person(customer_id), *occurred_at.filters, *kinds, *columns]
    return await paginate(work, params, tables.timeline, _to_entry, sort="-occurred_at", where=where)


def _to_entry(row: tables.TimelineRow) -> TimelineEntry:
    amount = None
    if row.amount_minor is not None and row.currency is not None:
        amount = Money.of(row.amount_minor, row.currency)
    return TimelineEntry.from_row(row, amount=amount)
