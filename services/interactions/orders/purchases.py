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
    Page,
    PageParams,
    Quantity,
    QuantityText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    TimeRange,
    UnitPrice,
    UnitPriceText,
    Upserted,
    Work,
    equals,
    invalid,
    minor_from_text,
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
    SourceIdReused,
    SourceRecorder,
)

feature = Feature("purchases")
Sort = Literal["purchased_at", "-purchased_at", "recorded_at", "-recorded_at"]


class RecordedLine(Resource):
    """A line of a recorded purchase."""

    number: int
    sku: str
    name: str | None
    category: str | None
    quantity: QuantityText
    amount: Amount
    unit_cost: UnitPriceText | None


class PurchaseRecorded(Event, type="interactions.purchase_recorded.v1", partition_key="customer_id"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    source: str
    source_id: str
    purchased_at: datetime
    recorded_at: datetime
    total: Money
    channel: str | None
    store: str | None
    sold_through: str | None
    lines: list[RecordedLine]


class PurchaseLineCreate(RequestBody):
    """A line of a purchase: a price and a quantity, or only its amount."""

    sku: Reference
    name: Line | None = None
    category: Line | None = None
    quantity: Quantity
    unit_price: UnitPrice | None = None
    discount: AmountText | None = None
    amount: AmountText | None = None
    unit_cost: UnitPrice | None = None


class PurchaseLine(RecordedLine):
    """A line of a purchase, with its amount."""

    unit_price: UnitPriceText | None
    discount: Amount | None


class PurchaseFields(RecordFields):
    """The fields of a purchase."""

    customer_id: UUID
    purchased_at: Instant
    channel: ShortLine | None = None
    store: Line | None = None
    sold_through: Line | None = None


class PurchaseCreate(PurchaseFields, RequestBody):
    """A purchase to record."""

    currency: Currency
    lines: Annotated[list[PurchaseLineCreate], Field(min_length=1, max_length=rules.MAX_LINES)]

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
    recorded_at: datetime
    currency: str
    total: Money
    lines: list[PurchaseLine]


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


@feature.post("/purchases", scope="interactions:write", raises=[SourceIdReused])
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


@feature.get("/purchases", scope="interactions:read")
async def list_purchases(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    purchased_at: Annotated[TimeRange, Depends(time_range("purchased_at"))],
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    customer_id: UUID | None = None,
    store: Line | None = None,
    channel: ShortLine | None = None,
    currency: Currency | None = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-purchased_at",
) -> Page[Purchase]:
    """List purchases with their lines, newest first. To follow new records, sort by `recorded_at`."""
    columns = equals(customer_id=customer_id, store=store, channel=channel, currency=currency)
    where = [*columns, *sent_by, *purchased_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.Purchase, _to_resource, sort=sort, where=where)


@feature.get("/purchases/{id:uuid}", scope="interactions:read")
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
