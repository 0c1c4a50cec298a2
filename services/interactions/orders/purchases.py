"""Purchases with their lines, each recorded once, as sent by the till or the shop that sold it.

A till sends its purchases under its own ids. A purchase that it sends again, however late, is recorded once.
"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    REQUIRED,
    Batch,
    BatchResults,
    Currency,
    Feature,
    Line,
    Owned,
    Page,
    PageParams,
    PersonErased,
    Reference,
    ShortLine,
    SourceIdReused,
    TimeRange,
    Upserted,
    ValidationFailed,
    Work,
    condition,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.orders import tables
from services.interactions.orders.queries.purchases import HIDDEN, Purchase, PurchaseCreate, recorder, to_resource
from services.interactions.orders.rules.statuses import PaymentStatus
from services.interactions.sources.queries import SentBy

feature = Feature("purchases")
Sort = Literal["purchased_at", "-purchased_at", "recorded_at", "-recorded_at"]


@feature.post("/purchases", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_purchase(work: Work, body: PurchaseCreate) -> Upserted[Purchase]:
    """Record a purchase. A repeat with the same source id returns the existing purchase with 200.

    A customer that is not known here yet is accepted because its record may still be on its way.
    """
    row, created = await recorder.record(work, body)
    return Upserted(to_resource(row), created)


@feature.post("/purchases/batch", scope="interactions:write", batch=True)
async def record_purchases_batch(work: Work, batch: Batch[PurchaseCreate]) -> BatchResults:
    """Record up to a thousand purchases. Repeats are `unchanged`."""
    return await recorder.record_batch(work, batch)


@feature.get("/purchases", scope="interactions:read", owner="customer_id", owner_hidden=HIDDEN, expensive=("sku",))
async def list_purchases(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    purchased_at: Annotated[TimeRange, Depends(time_range("purchased_at"))],
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only records of this customer.")] = None,
    store: Annotated[Line | None, Parameter(description="Only purchases in this store.")] = None,
    channel: Annotated[ShortLine | None, Parameter(description="Only purchases through this channel.")] = None,
    currency: Currency | None = None,
    status: Annotated[ShortLine | None, Parameter(description="Only orders whose current status this is.")] = None,
    payment_status: Annotated[
        PaymentStatus | None, Parameter(description="Only purchases with this status of the payment.")
    ] = None,
    sku: Annotated[
        Reference | None, Parameter(description="With `customer_id`: only purchases that contain this item.")
    ] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-purchased_at",
) -> Page[Purchase]:
    """List purchases with their lines, newest first. To follow new records, sort by `recorded_at`."""
    if sku is not None and customer_id is None:
        # Row-level security keeps the operators of documents from using an index, so all purchases would be read.
        detail = "is searched among the purchases of a customer: add customer_id="
        raise ValidationFailed.field("/sku", REQUIRED, detail, "query")
    states = equals(status=status, payment_status=payment_status)
    columns = [*of_person(customer_id), *equals(store=store, channel=channel, currency=currency), *states]
    contains = [] if sku is None else [condition(_CONTAINS, sku=sku)]
    where = [*columns, *contains, *sent_by, *purchased_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.Purchase, to_resource, sort=sort, where=where)


@feature.get(
    "/purchases/{id:uuid}", scope="interactions:read", owner=Owned(tables.Purchase, "customer_id"), owner_hidden=HIDDEN
)
async def read_purchase(work: Work, id: UUID) -> Purchase:
    """Return a purchase with its lines."""
    return to_resource(await work.get(tables.Purchase, id))


_CONTAINS = "exists (select from jsonb_array_elements(lines) as line where line ->> 'sku' = :sku)"
