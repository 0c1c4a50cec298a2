"""The bodies of requests and responses about refunds."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import Amount, AmountText, Instant, Money, Quantity, QuantityText, RequestBody, Resource
from services.interactions.orders import tables
from services.interactions.orders.rules import MAX_LINES, WaitingRefundState
from services.interactions.sources.queries import SourceFields


class RefundLineCreate(RequestBody):
    """The refunded part of a line: a quantity or an amount."""

    number: Annotated[int, Field(strict=True, ge=1)]
    quantity: Quantity | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _require_one_figure(self) -> Self:
        if (self.quantity is None) == (self.amount is None):
            raise ValueError("either a quantity or an amount is expected")
        return self


class RefundFields(SourceFields):
    """The fields of a refund."""

    refunded_at: Instant


class RefundCreate(RefundFields, RequestBody):
    """A refund to record: by lines, or as an amount of the whole purchase."""

    lines: Annotated[list[RefundLineCreate], Field(min_length=1, max_length=MAX_LINES)] | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _require_lines_or_amount(self) -> Self:
        if (self.lines is None) == (self.amount is None):
            raise ValueError("either lines or an amount is expected")
        numbers = [line.number for line in self.lines or []]
        if len(set(numbers)) < len(numbers):
            raise ValueError("a line may be named once")
        return self


class RefundLine(Resource):
    """The refunded part of a line."""

    number: int
    quantity: QuantityText | None
    amount: Amount


class Refund(RefundFields, Resource, row=tables.Refund, computed=("amount",)):
    """A refund as recorded."""

    id: UUID
    purchase_id: UUID
    customer_id: UUID
    recorded_at: datetime
    amount: Money
    lines: list[RefundLine]


class PurchaseReference(SourceFields, RequestBody):
    """A purchase by its source and the source's id of it."""


class RefundBySourceCreate(RefundCreate):
    """A refund to record, of a purchase that is named by its source id."""

    purchase: PurchaseReference


class NamedPurchase(SourceFields, Resource):
    """A purchase by its source and the source's id of it."""


class WaitingRefund(RefundFields, Resource, row=tables.WaitingRefund, computed=("purchase",)):
    """A refund whose purchase has not been recorded yet, or that was refused when it was."""

    id: UUID
    state: WaitingRefundState
    purchase: NamedPurchase
    recorded_at: datetime
    problem: str | None = Field(description="why it was refused")
