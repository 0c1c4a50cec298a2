"""The steps of a known purchase, and the list of all."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    Owned,
    Page,
    PageParams,
    PersonErased,
    SourceIdReused,
    TimeRange,
    Upserted,
    Work,
    equals,
    paginate,
    reject_future,
    time_range,
)
from services.interactions.orders import tables
from services.interactions.orders.statuses.recording import record_status_change
from services.interactions.orders.statuses.schemas import HIDDEN, StatusChange, StatusChangeCreate
from services.interactions.sources.queries import SentBy

feature = Feature("order-statuses")
Sort = Literal["recorded_at", "-recorded_at"]


@feature.post("/purchases/{id:uuid}/status-changes", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_purchase_status(work: Work, id: UUID, body: StatusChangeCreate) -> Upserted[StatusChange]:
    """Record a step of an order. A repeat with the same source id returns the existing one with 200."""
    reject_future(work, body.changed_at, "/changed_at")
    row, created = await record_status_change(work, await work.get(tables.Purchase, id), body, caller=work.actor)
    return Upserted(StatusChange.from_row(row), created)


@feature.get(
    "/purchases/{id:uuid}/status-changes",
    scope="interactions:read",
    owner=Owned(tables.Purchase, "customer_id"),
    owner_hidden=HIDDEN,
)
async def list_purchase_statuses(work: Work, id: UUID, params: PageParams) -> Page[StatusChange]:
    """List the steps of an order, in the order in which they were taken."""
    await work.get(tables.Purchase, id)
    where = equals(purchase_id=id)
    return await paginate(work, params, tables.PurchaseStatusChange, StatusChange, sort="changed_at", where=where)


@feature.get("/purchase-status-changes", scope="interactions:read")
async def list_all_purchase_statuses(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    purchase_id: Annotated[UUID | None, Parameter(description="Only steps of this purchase.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-recorded_at",
) -> Page[StatusChange]:
    """List the steps of all orders, the last recorded first. To follow new ones, sort by `recorded_at`."""
    where = [*equals(purchase_id=purchase_id), *sent_by, *recorded_at.filters]
    return await paginate(work, params, tables.PurchaseStatusChange, StatusChange, sort=sort, where=where)
