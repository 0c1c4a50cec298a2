"""Exchanges: a part of a purchase goes back, and a new purchase takes its place, in a single transaction.

The refund and the new purchase have the source and the source id of the exchange, so a repeat finds both of them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field, ValidationError

from chassis import (
    Event,
    Feature,
    Instant,
    Line,
    Money,
    Owned,
    Page,
    PageParams,
    PersonErased,
    RequestBody,
    Resource,
    ShortLine,
    SourceIdReused,
    TimeRange,
    UnitOfWork,
    Upserted,
    ValidationFailed,
    Work,
    equals,
    field_errors,
    of_person,
    paginate,
    recorded_person,
    reject_future,
    time_range,
)
from services.interactions.orders import tables
from services.interactions.orders.queries.purchases import PurchaseCreate, PurchaseLineCreate, recorder
from services.interactions.orders.queries.refund_bodies import RefundCreate, RefundedPart
from services.interactions.orders.queries.refunds import RefundExceedsPurchase, record_refund
from services.interactions.orders.rules.amounts import MAX_LINES
from services.interactions.sources.queries import SourceFields, SourceId, SourceName

feature = Feature("exchanges")
Sort = Literal["exchanged_at", "-exchanged_at"]


class PurchaseExchanged(Event, type="interactions.purchase_exchanged.v1", partition_key="customer_id"):
    """A part of a purchase was exchanged. The refund and the new purchase are published as well, before this event."""

    exchange_id: UUID
    """The exchange."""
    customer_id: UUID
    """The customer."""
    purchase_id: UUID
    """The purchase of which a part went back."""
    refund_id: UUID
    """The refund."""
    new_purchase_id: UUID
    """The purchase that took its place."""
    exchanged_at: datetime
    """When the exchange was made."""
    refunded: Annotated[Money, Field(description="The worth of the part that went back.")]
    total: Annotated[Money, Field(description="The total of the new purchase.")]
    difference: Annotated[Money, Field(description="The total less the refund: negative if the customer got money.")]
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    recorded_at: datetime
    """When it was recorded."""


class ReplacementCreate(RequestBody):
    """The purchase that takes the place of what went back, in the currency of the first."""

    channel: ShortLine | None = None
    """The sales channel, such as `web` or `store`."""
    store: Line | None = None
    """The store."""
    sold_through: Line | None = None
    """The reseller or the marketplace."""
    lines: Annotated[list[PurchaseLineCreate], Field(min_length=1, max_length=MAX_LINES)]
    """The purchased items."""


class ExchangeCreate(SourceFields, RefundedPart):
    """An exchange to record: the lines or the amount that goes back, and the purchase that takes its place."""

    example = {
        "source": "till",
        "source_id": "2026-000830",
        "exchanged_at": "2026-03-03T10:00:00Z",
        "lines": [{"number": 1, "quantity": "1"}],
        "replacement": {"store": "Amsterdam", "lines": [{"sku": "sencha-100", "quantity": "1", "unit_price": "6.50"}]},
    }

    exchanged_at: Instant
    """When the exchange was made."""
    replacement: ReplacementCreate
    """The purchase that takes the place of what went back."""


class Exchange(Resource, row=tables.Exchange, computed=("refunded", "total", "difference")):
    """A refund of a part of a purchase, and the purchase that took its place."""

    id: UUID
    """Identifies the exchange."""
    customer_id: UUID
    """The buyer."""
    purchase_id: UUID
    """The purchase of which a part went back."""
    refund_id: UUID
    """The refund of that part."""
    new_purchase_id: UUID
    """The purchase that took its place."""
    exchanged_at: datetime
    """When the exchange was made."""
    refunded: Money
    """The worth of the part that went back."""
    total: Money
    """The total of the new purchase."""
    difference: Money
    """The total less the refund: what the customer paid, or, if it is negative, got back."""
    recorded_at: datetime
    """When the exchange was recorded."""


@feature.post(
    "/purchases/{id:uuid}/exchanges",
    scope="interactions:write",
    raises=[PersonErased, RefundExceedsPurchase, SourceIdReused],
)
async def exchange_purchase(work: Work, id: UUID, body: ExchangeCreate) -> Upserted[Exchange]:
    """Refund a part of a purchase and record the purchase that takes its place, both or neither.

    A repeat with the same source id returns the existing exchange with 200. If the refund or the new purchase was sent
    already under this source id, with the same content, it is linked.
    """
    reject_future(work, body.exchanged_at, "/exchanged_at")
    purchase = await work.get(tables.Purchase, id)
    refund, _ = await record_refund(work, purchase, _to_refund(body), time_pointer="/exchanged_at")
    original = await recorded_person(work, purchase)
    new, _ = await recorder.record(work, _to_purchase(body, purchase, original))
    stored = await work.find(tables.Exchange, refund_id=refund.id)
    if stored is not None:
        return Upserted(_to_resource(stored), False)
    row = await work.insert(
        tables.Exchange(
            customer_id=original,
            purchase_id=purchase.id,
            refund_id=refund.id,
            new_purchase_id=new.id,
            exchanged_at=body.exchanged_at,
            currency=purchase.currency,
            refunded_minor=refund.amount_minor,
            total_minor=new.total_minor,
            recorded_at=work.now,
        )
    )
    _publish(work, row, body)
    return Upserted(_to_resource(row.replace(customer_id=purchase.customer_id)), True)


@feature.get("/purchases/{id:uuid}/exchanges", scope="interactions:read", owner=Owned(tables.Purchase, "customer_id"))
async def list_exchanges_of_purchase(work: Work, id: UUID, params: PageParams) -> Page[Exchange]:
    """List the exchanges of parts of a purchase, oldest first."""
    await work.get(tables.Purchase, id)
    return await paginate(work, params, tables.Exchange, _to_resource, where=equals(purchase_id=id))


@feature.get("/exchanges", scope="interactions:read", owner="customer_id")
async def list_exchanges(
    work: Work,
    params: PageParams,
    exchanged_at: Annotated[TimeRange, Depends(time_range("exchanged_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only records of this customer.")] = None,
    new_purchase_id: Annotated[
        UUID | None, Parameter(description="Only the exchange from which this purchase came.")
    ] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-exchanged_at",
) -> Page[Exchange]:
    """List exchanges, newest first."""
    where = [*of_person(customer_id), *equals(new_purchase_id=new_purchase_id), *exchanged_at.filters]
    return await paginate(work, params, tables.Exchange, _to_resource, sort=sort, where=where)


def _to_refund(body: ExchangeCreate) -> RefundCreate:
    part = {"lines": body.lines} if body.amount is None else {"amount": body.amount}
    key = {"source": body.source, "source_id": body.source_id}
    return RefundCreate.model_validate({**key, "refunded_at": body.exchanged_at, **part})


def _to_purchase(body: ExchangeCreate, purchase: tables.Purchase, customer_id: UUID) -> PurchaseCreate:
    """Return the new purchase, of the same customer and in the same currency. Raises ValidationFailed."""
    fields: Mapping[str, Any] = {name: getattr(body.replacement, name) for name in body.replacement.model_fields_set}
    key = {"source": body.source, "source_id": body.source_id, "customer_id": customer_id}
    try:
        return PurchaseCreate.model_validate(
            {**key, "purchased_at": body.exchanged_at, "currency": purchase.currency, **fields}
        )
    except ValidationError as error:
        details = [{**each, "loc": ("replacement", *each["loc"])} for each in error.errors()]
        raise ValidationFailed(errors=field_errors(details, "body")) from None


def _publish(work: UnitOfWork, row: tables.Exchange, body: ExchangeCreate) -> None:
    key = {"source": body.source, "source_id": body.source_id}
    work.publish(PurchaseExchanged.from_row(row, exchange_id=row.id, **key, **_amounts(row)))


def _to_resource(row: tables.Exchange) -> Exchange:
    return Exchange.from_row(row, **_amounts(row))


def _amounts(row: tables.Exchange) -> dict[str, Money]:
    minor = {"refunded": row.refunded_minor, "total": row.total_minor}
    minor["difference"] = row.total_minor - row.refunded_minor
    return {name: Money.of(value, row.currency) for name, value in minor.items()}
