"""The bodies of requests and responses about refunds."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import Amount, AmountText, Instant, Money, Quantity, QuantityText, RequestBody, Resource
from services.interactions.orders import tables
from services.interactions.orders.queries.waiting import NamedPurchase, PurchaseReference
from services.interactions.orders.rules.amounts import MAX_LINES
from services.interactions.orders.rules.waiting import WaitingRefundState
from services.interactions.sources.queries import SourceFields


class RefundLineCreate(RequestBody):
    """The refunded part of a line: a quantity or an amount."""

    number: Annotated[int, Field(strict=True, ge=1)]
    """The number of the purchase's line, from 1."""
    quantity: Quantity | None = None
    """The refunded quantity: a decimal string. Its share of the line's amount is refunded."""
    amount: AmountText | None = None
    """The refunded amount: a decimal string, in the unit of the currency."""

    @model_validator(mode="after")
    def _require_one_figure(self) -> Self:
        if (self.quantity is None) == (self.amount is None):
            raise ValueError("either a quantity or an amount is expected")
        return self


class RefundedPart(RequestBody):
    """The part of a purchase that goes back: by lines, or as an amount of the whole purchase."""

    lines: Annotated[list[RefundLineCreate], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """The refunded lines, each by its quantity or its amount. Send either lines or an amount."""
    amount: AmountText | None = None
    """The refunded amount of the whole purchase. Send either lines or an amount."""

    @model_validator(mode="after")
    def _require_lines_or_amount(self) -> Self:
        if (self.lines is None) == (self.amount is None):
            raise ValueError("either lines or an amount is expected")
        numbers = [line.number for line in self.lines or []]
        if len(set(numbers)) < len(numbers):
            raise ValueError("a line may be named once")
        return self


class RefundFields(SourceFields):
    """The fields of a refund."""

    refunded_at: Instant
    """When the money was returned."""


class RefundCreate(RefundFields, RefundedPart):
    """A refund to record: by lines, or as an amount of the whole purchase."""

    example = {
        "source": "till",
        "source_id": "2026-000818",
        "refunded_at": "2026-03-02T10:00:00Z",
        "lines": [{"number": 1, "quantity": "1"}],
    }


class RefundLine(Resource):
    """The refunded part of a line."""

    number: int
    """The number of the purchase's line, from 1."""
    quantity: QuantityText | None
    """The refunded quantity, or null if an amount was refunded."""
    amount: Amount
    """The refunded amount: a decimal string, in the unit of the currency."""


class Refund(RefundFields, Resource, row=tables.Refund, computed=("amount",)):
    """A refund as recorded."""

    id: UUID
    """Identifies the refund."""
    purchase_id: UUID
    """The purchase."""
    customer_id: UUID
    """The buyer."""
    recorded_at: datetime
    """When the refund was recorded."""
    amount: Money
    """The whole refunded amount."""
    lines: list[RefundLine]
    """The refunded lines. The list is empty if an amount of the whole purchase was refunded."""


def to_resource(row: tables.Refund) -> Refund:
    """Return a refund as the API shows it."""
    return Refund.from_row(row, amount=Money.of(row.amount_minor, row.currency))


class RefundBySourceCreate(RefundCreate):
    """A refund to record, of a purchase that is named by its source id."""

    example = {
        "source": "till",
        "source_id": "2026-000819",
        "refunded_at": "2026-03-02T10:00:00Z",
        "amount": "2.00",
        "purchase": {"source": "till", "source_id": "2026-000817"},
    }

    purchase: PurchaseReference
    """The purchase, by its source."""


class WaitingRefund(RefundFields, Resource, row=tables.WaitingRefund, computed=("purchase",)):
    """A refund whose purchase has not been recorded yet, or that was refused when it was."""

    id: UUID
    """Identifies the waiting refund. The recorded refund has another id."""
    state: WaitingRefundState
    """The refund waits for its purchase, or was refused when it was recorded."""
    purchase: NamedPurchase
    """The purchase, by its source."""
    recorded_at: datetime
    """When the refund was received."""
    problem: str | None = Field(description="why it was refused")
