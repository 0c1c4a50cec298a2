"""The bodies and the event of purchases, and the recorder that stores each once."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, PrivateAttr, model_validator
from pydantic_core import InitErrorDetails, ValidationError

from chassis import (
    CURRENCY_WITHDRAWN,
    Amount,
    AmountText,
    Currency,
    Event,
    FieldCode,
    Instant,
    Line,
    Money,
    Quantity,
    QuantityText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    UnitPrice,
    UnitPriceText,
    invalid,
    minor_from_text,
    require_currency_at,
    text_from_minor,
)
from services.interactions.orders import tables
from services.interactions.orders.rules import amounts
from services.interactions.orders.rules.statuses import PaymentBasis, PaymentStatus
from services.interactions.sources.queries import (
    Content,
    NewRecord,
    RecordFields,
    SourceId,
    SourceName,
    SourceRecorder,
)

HIDDEN = ("unit_cost",)
"""What the tenant paid is not for its customers."""


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
    lines: Annotated[list[PurchaseLineCreate], Field(min_length=1, max_length=amounts.MAX_LINES)]
    """The purchased items."""

    _documents: list[amounts.PurchaseLineDocument] = PrivateAttr(default_factory=list)
    _total_minor: int = PrivateAttr(default=0)

    @model_validator(mode="after")
    def _compute_amounts(self) -> Self:
        """Compute the amount of each line, and the total. The errors point to the wrong figure."""
        _require_currency_at(self.currency, self.purchased_at)
        minors: list[int] = []
        for index, line in enumerate(self.lines):
            figures = amounts.LineFigures(line.quantity, line.unit_price, line.discount, line.amount)
            try:
                minors.append(amounts.line_minor(figures, self.currency))
            except amounts.InvalidLine as error:
                raise _validation_error(("lines", index, *error.path), error.code, str(error)) from None
            self._documents.append(_to_document(index + 1, line, minors[index], self.currency))
        try:
            self._total_minor = amounts.total_minor(minors, self.currency)
        except amounts.InvalidLine as error:
            raise _validation_error(("lines",), error.code, str(error)) from None
        return self

    @property
    def documents(self) -> list[amounts.PurchaseLineDocument]:
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
    status: str | None
    """The current status of the order, or null if none was reported: the latest by its time."""
    status_at: datetime | None
    """When the order reached its status."""
    payment_status: PaymentStatus | None
    """The status of the payment, or null if nothing is known about it."""
    payment_basis: PaymentBasis | None
    """`reported` by a system, or `derived` from refunds and from the status of the order."""
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
    return {**content, "lines": [amounts.without_spelling(line) for line in content["lines"]]}


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


def to_resource(row: tables.Purchase) -> Purchase:
    """Return a purchase as the API shows it."""
    return Purchase.from_row(row, total=Money.of(row.total_minor, row.currency))


def _to_document(number: int, line: PurchaseLineCreate, amount: int, currency: str) -> amounts.PurchaseLineDocument:
    return {
        "number": number,
        "sku": line.sku,
        "name": line.name,
        "category": line.category,
        "quantity": amounts.plain(line.quantity),
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
