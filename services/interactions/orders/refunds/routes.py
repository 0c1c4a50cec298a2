"""The operations on refunds of a known purchase, and the list of all refunds."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    Owned,
    Page,
    PageParams,
    SourceIdReused,
    TimeRange,
    Upserted,
    Work,
    equals,
    of_person,
    paginate,
    reject_future,
    time_range,
)
from services.interactions.orders import tables
from services.interactions.orders.queries.refund_bodies import Refund, RefundCreate, to_resource
from services.interactions.orders.queries.refunds import RefundExceedsPurchase, record_refund
from services.interactions.sources.queries import SentBy

feature = Feature("refunds")
Sort = Literal["refunded_at", "-refunded_at", "recorded_at", "-recorded_at"]


@feature.post(
    "/purchases/{id:uuid}/refunds", scope="interactions:write", raises=[RefundExceedsPurchase, SourceIdReused]
)
async def refund_purchase(work: Work, id: UUID, body: RefundCreate) -> Upserted[Refund]:
    """Record a refund. A repeat with the same source id returns the existing refund with 200."""
    reject_future(work, body.refunded_at, "/refunded_at")
    row, created = await record_refund(work, await work.get(tables.Purchase, id), body)
    return Upserted(to_resource(row), created)


@feature.get("/purchases/{id:uuid}/refunds", scope="interactions:read", owner=Owned(tables.Purchase, "customer_id"))
async def list_refunds(work: Work, id: UUID, params: PageParams) -> Page[Refund]:
    """List the refunds of a purchase, oldest first."""
    await work.get(tables.Purchase, id)
    return await paginate(work, params, tables.Refund, to_resource, where=equals(purchase_id=id))


@feature.get("/refunds", scope="interactions:read", owner="customer_id")
async def list_all_refunds(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    refunded_at: Annotated[TimeRange, Depends(time_range("refunded_at"))],
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only records of this customer.")] = None,
    purchase_id: Annotated[UUID | None, Parameter(description="Only refunds of this purchase.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-refunded_at",
) -> Page[Refund]:
    """List refunds, newest first. To follow new records, sort by `recorded_at`."""
    columns = [*of_person(customer_id), *equals(purchase_id=purchase_id)]
    where = [*columns, *sent_by, *refunded_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.Refund, to_resource, sort=sort, where=where)
