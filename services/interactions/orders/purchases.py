"""Purchases with their lines, each recorded once, as sent by the till or the shop that sold it.

A till sends its purchases under its own ids. A purchase that it sends again, however late, is recorded once.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field, PrivateAttr, model_validator
from pydantic_core import InitErrorDetails, ValidationError

from chassis import (
    CURRENCY_WITHDRAWN,
    Amount,
    AmountText,
    Batch,
    BatchResults,
    Currency,
    Event,
    Feature,
    FieldCode,
    Instant,
    Line,
    Money,
    Owned,
    Page,
    PageParams,
    PersonErased,
    Quantity,
    QuantityText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    SourceIdReused,
    TimeRange,
    UnitPrice,
    UnitPriceText,
    Upserted,
    Work,
    equals,
    invalid,
    minor_from_text,
    of_person,
    paginate,
    require_currency_at,
    text_from_minor,
    time_range,
)
from services.interactions.orders import rules, tables
from services.interactions.sources.queries import (
    Content,
    NewRecord,
    RecordFields,
    SentBy,
    SourceId,
    SourceName,
    SourceRecorder,
)

feature = Feature("purchases")
HIDDEN = ("unit_cost",)
"""What the tenant paid is not for its customers."""
Sort = Literal["purchased_at", "-purchased_at", "recorded_at", "-recorded_at"]


class RecordedLine(Resource):
    """A line of a recorded purchase."""

    number: int
    """The number of the line, from 1."""
    sku: Annotated[str, Field(examples=["tea"])]
    """The item, by the seller's number (stock keeping unit)."""
    name: Annotated[str | None, Field(examples=["Darjeeling, 100 g"])]
    """The name of the item."""
    category: Annotated[str | None, Field(examples=["drinks"])]
    """The category of the item."""
    quantity: QuantityText
    """The quantity: a decimal string."""
    amount: Amount
    """The amount of the line after its discount: a decimal string, in the unit of the currency."""
    unit_cost: UnitPriceText | None
    """The seller's cost of a unit: a decimal string."""


class PurchaseRecorded(Event, type="interactions.purchase_recorded.v1", partition_key="customer_id"):
    """A customer bought something."""

    purchase_id: UUID
    """The purchase."""
    customer_id: UUID
    """The customer."""
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    purchased_at: datetime
    """When the purchase was made."""
    recorded_at: datetime
    """When it was recorded."""
    total: Money
    """The sum of the lines."""
    channel: Annotated[str | None, Field(examples=["shop"])]
    """The channel."""
    store: Annotated[str | None, Field(examples=["Amsterdam"])]
    """The store, or null."""
    sold_through: Annotated[str | None, Field(examples=["partner"])]
    """The reseller or the marketplace, or null."""
    lines: list[RecordedLine]
    """The items."""


class PurchaseLineCreate(RequestBody):
    """A line of a purchase: a price and a quantity, or only its amount."""

    sku: Reference
    """The item, by the seller's number (stock keeping unit)."""
    name: Line | None = None
    """The name of the item."""
    category: Line | None = None
    """The category of the item."""
    quantity: Quantity
    """The quantity: a decimal string with at most three decimals."""
    unit_price: UnitPrice | None = None
    """The price of a unit before the discount: a decimal string with at most six decimals."""
    discount: AmountText | None = None
    """The discount on the whole line: a decimal string, in the unit of the currency."""
    amount: AmountText | None = None
    """The amount of the line. Default: quantity x unit price - discount."""
    unit_cost: UnitPrice | None = None
    """The seller's cost of a unit: a decimal string with at most six decimals."""


class PurchaseLine(RecordedLine):
    """A line of a purchase, with its amount."""

    unit_price: UnitPriceText | None
    """The price of a unit before the discount, as it was sent."""
    discount: Amount | None
    """The discount on the whole line."""


class PurchaseFields(RecordFields):
    """The fields of a purchase."""

    customer_id: UUID
    """The buyer. Events of new customers take a moment to arrive."""
    purchased_at: Instant
    """When the purchase was made."""
    channel: ShortLine | None = None
    """The sales channel, such as `web` or `store`."""
    store: Line | None = None
    """The store."""
    sold_through: Line | None = None
    """The reseller or the marketplace."""


class PurchaseCreate(PurchaseFields, RequestBody):
    """A purchase to record."""

    example = {
        "source": "till",
        "source_id": "2026-000817",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "purchased_at": "2026-03-01T10:00:00Z",
        "channel": "store",
        "store": "Amsterdam",
        "currency": "EUR",
        "lines": [
            {
                "sku": "assam-100",
                "name": "Assam, 100 g",
                "category": "tea",
                "quantity": "2",
                "unit_price": "4.50",
                "discount": "1.00",
            },
            {"sku": "cup", "quantity": "1", "amount": "7.95"},
        ],
    }

    currency: Currency
    """The currency of all amounts."""
    lines: Annotated[list[PurchaseLineCreate], Field(min_length=1, max_length=rules.MAX_LINES)]
    """The purchased items."""

    _documents: list[rules.PurchaseLineDocument] = PrivateAttr(default_factory=list)
    _total_minor: int = PrivateAttr(default=0)

    @model_validator(mode="after")
    def _compute_amounts(self) -> Self:
        """Compute the amount of each line, and the total. The errors point to the wrong figure."""
        _require_currency_at(self.currency, self.purchased_at)
        amounts: list[int] = []
        for index, line in enumerate(self.lines):
            figures = rules.LineFigures(line.quantity, line.unit_price, line.discount, line.amount)
            try:
                amounts.append(rules.line_minor(figures, self.currency))
            except rules.InvalidLine as error:
                raise _validation_error(("lines", index, *error.path), error.code, str(error)) from None
            self._documents.append(_to_document(index + 1, line, amounts[index], self.currency))
        try:
            self._total_minor = rules.total_minor(amounts, self.currency)
        except rules.InvalidLine as error:
            raise _validation_error(("lines",), error.code, str(error)) from None
        return self

    @property
    def documents(self) -> list[rules.PurchaseLineDocument]:
        """The lines as they are stored, with their amounts."""
        return self._documents

    @property
    def total_minor(self) -> int:
        """The sum of the lines, in minor units."""
        return self._total_minor


class Purchase(PurchaseFields, Resource, row=tables.Purchase, computed=("total",)):
    """A purchase as recorded."""

    id: UUID
    """Identifies the purchase."""
    recorded_at: datetime
    """When the purchase was recorded."""
    currency: str
    """The currency of all amounts, by its ISO 4217 code."""
    total: Money
    """The sum of the lines."""
    lines: list[PurchaseLine]
    """The purchased items."""


def _to_row(body: PurchaseCreate) -> Content:
    # The content's hash depends on the order of these columns.
    return {
        "customer_id": body.customer_id,
        "source": body.source,
        "source_id": body.source_id,
        "purchased_at": body.purchased_at,
        "currency": body.currency,
        "channel": body.channel,
        "store": body.store,
        "sold_through": body.sold_through,
        "total_minor": body.total_minor,
        "lines": body.documents,
    }


def _without_spelling(content: Content) -> Content:
    return {**content, "lines": [rules.without_spelling(line) for line in content["lines"]]}


def _to_event(body: PurchaseCreate, record: NewRecord) -> PurchaseRecorded:
    # Plain documents: a model for each line would cost more than the rest of the event.
    lines = [{name: value for name, value in line.items() if name in _PUBLISHED} for line in body.documents]
    return PurchaseRecorded.from_row(
        body,
        purchase_id=record.id,
        recorded_at=record.recorded_at,
        total=Money.of(body.total_minor, body.currency),
        lines=lines,
    )


_PUBLISHED = frozenset(RecordedLine.model_fields)
recorder = SourceRecorder(
    tables.Purchase,
    to_row=_to_row,
    event=_to_event,
    occurred_at="purchased_at",
    without_spelling=_without_spelling,
)


@feature.post("/purchases", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_purchase(work: Work, body: PurchaseCreate) -> Upserted[Purchase]:
    """Record a purchase. A repeat with the same source id returns the existing purchase with 200.

    A customer that is not known here yet is accepted because its record may still be on its way.
    """
    row, created = await recorder.record(work, body)
    return Upserted(_to_resource(row), created)


@feature.post("/purchases/batch", scope="interactions:write", batch=True)
async def record_purchases_batch(work: Work, batch: Batch[PurchaseCreate]) -> BatchResults:
    """Record up to a thousand purchases. Repeats are `unchanged`."""
    return await recorder.record_batch(work, batch)


@feature.get("/purchases", scope="interactions:read", owner="customer_id", owner_hidden=HIDDEN)
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
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-purchased_at",
) -> Page[Purchase]:
    """List purchases with their lines, newest first. To follow new records, sort by `recorded_at`."""
    columns = [*of_person(customer_id), *equals(store=store, channel=channel, currency=currency)]
    where = [*columns, *sent_by, *purchased_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.Purchase, _to_resource, sort=sort, where=where)


@feature.get(
    "/purchases/{id:uuid}", scope="interactions:read", owner=Owned(tables.Purchase, "customer_id"), owner_hidden=HIDDEN
)
async def read_purchase(work: Work, id: UUID) -> Purchase:
    """Return a purchase with its lines."""
    return _to_resource(await work.get(tables.Purchase, id))


def _to_resource(row: tables.Purchase) -> Purchase:
    return Purchase.from_row(row, total=Money.of(row.total_minor, row.currency))


def _to_document(number: int, line: PurchaseLineCreate, amount: int, currency: str) -> rules.PurchaseLineDocument:
    return {
        "number": number,
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "quantity": rules.plain(line.quantity),
        "unit_price": _as_sent(line.unit_price),
        "discount": line.discount and text_from_minor(minor_from_text(line.discount, currency), currency),
        "amount": text_from_minor(amount, currency),
        "unit_cost": _as_sent(line.unit_cost),
    }


def _as_sent(price: Decimal | None) -> str | None:
    """Return a price with the decimals of the request: "2.50" stays "2.50"."""
    return None if price is None else format(price, "f")


def _require_currency_at(currency: str, at: datetime) -> None:
    try:
        require_currency_at(currency, at.date())
    except ValueError as error:
        raise _validation_error(("currency",), CURRENCY_WITHDRAWN, str(error)) from None


def _validation_error(location: tuple[str | int, ...], code: FieldCode, reason: str) -> ValidationError:
    """Return an error that names the field. Pydantic itself would name the whole purchase."""
    details = InitErrorDetails(type=invalid(code, reason), loc=location, input=None)
    return ValidationError.from_exception_data("PurchaseCreate", [details])
