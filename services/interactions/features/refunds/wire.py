"""What requests and answers about refunds carry."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from chassis import Instant, Money, Reference, Wire
from services.interactions.amounts import AmountText, Quantity


class NewRefundLine(Wire):
    """What goes back of one line: some of the quantity, or some of the amount."""

    number: Annotated[int, Field(strict=True, ge=1)]
    quantity: Quantity | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.quantity is None) == (self.amount is None):
            raise ValueError("either a quantity or an amount is expected")
        return self


class NewRefund(Wire):
    """A refund to be recorded: by lines, or as an amount of the whole."""

    source: Reference
    source_id: Reference
    refunded_at: Instant
    lines: Annotated[list[NewRefundLine], Field(min_length=1, max_length=500)] | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.lines is None) == (self.amount is None):
            raise ValueError("either lines or an amount is expected")
        numbers = [line.number for line in self.lines or []]
        if len(set(numbers)) < len(numbers):
            raise ValueError("a line may be named once")
        return self


class RefundLine(BaseModel):
    """What went back of one line."""

    number: int
    quantity: str | None
    amount: str


class Refund(BaseModel):
    """A refund as it was recorded."""

    id: UUID
    purchase_id: UUID
    customer_id: UUID
    source: str
    source_id: str
    refunded_at: datetime
    recorded_at: datetime
    amount: Money
    lines: list[RefundLine]


class PurchaseReference(Wire):
    """A purchase as its source calls it."""

    source: Reference
    source_id: Reference


class NewRefundBySource(NewRefund):
    """A refund of a purchase that is named as its source calls it."""

    purchase: PurchaseReference


class NamedPurchase(BaseModel):
    """A purchase as its source calls it."""

    source: str
    source_id: str


class WaitingRefund(BaseModel):
    """A refund whose purchase has not been told of yet, or that could not be recorded when it was."""

    id: UUID
    state: Literal["waiting", "refused"]
    purchase: NamedPurchase
    source: str
    source_id: str
    refunded_at: datetime
    recorded_at: datetime
    problem: str | None = Field(description="why it was refused")
