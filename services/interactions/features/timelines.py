"""Timelines: who, what, when; everything that happened with one customer, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

from chassis import Feature, Money, Page, Paged, TimeRange, Work, page, shown, time_range

feature = Feature("timelines")

Kind = Literal["touch_point", "purchase", "refund"]


class TimelineEntry(BaseModel):
    """Something that happened: a touch point, a purchase, or a refund, whose amount is negative."""

    id: UUID
    kind: Kind
    occurred_at: datetime
    channel: str | None
    direction: str | None
    subject: str | None
    amount: Money | None


@feature.get("/timelines/{customer_id:uuid}", scope="interactions:read")
async def read_timeline(
    work: Work,
    customer_id: UUID,
    paging: Paged,
    occurred_at: Annotated[TimeRange, Depends(time_range("occurred_at"))],
    kind: Annotated[list[Kind] | None, Query(description="Only these; may be repeated.")] = None,
) -> Page[TimelineEntry]:
    """What happened with a customer, newest first; nothing, for one who is not known here."""
    conditions = [("customer_id = {}", customer_id), *occurred_at.conditions]
    if kind:
        conditions.append(("kind = any({})", list(kind)))
    return await page(work, paging, "timeline_entry", entry_of, sort="-occurred_at", conditions=conditions)


def entry_of(row: Mapping[str, Any]) -> TimelineEntry:
    """The entry as it is shown."""
    amount = None if row["amount_minor"] is None else Money.of(row["amount_minor"], row["currency"])
    return shown(TimelineEntry, row, amount=amount)
