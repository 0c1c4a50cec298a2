"""What requests and answers about purchases carry."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, PrivateAttr, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from chassis import Currency, Instant, Line, Money, Reference, Wire, Word
from services.interactions import rules
from services.interactions.amounts import AmountText, Quantity, UnitPrice


class NewLine(Wire):
    """One line of a purchase: a price and a quantity, or only what it came to."""

    sku: Reference
    name: Line | None = None
    category: Line | None = None
    quantity: Quantity
    unit_price: UnitPrice | None = None
    discount: AmountText | None = None
    amount: AmountText | None = None
    unit_cost: UnitPrice | None = None


class NewPurchase(Wire):
    """A purchase to be recorded."""

    customer_id: UUID
    source: Reference
    source_id: Reference
    purchased_at: Instant
    currency: Currency
    channel: Word | None = None
    store: Line | None = None
    sold_through: Line | None = None
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=500)]

    _amounts: list[int] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        """Computes the amounts, and points to the figure that does not fit."""
        for index, line in enumerate(self.lines):
            figures = rules.LineFigures(line.quantity, line.unit_price, line.discount, line.amount)
            try:
                self._amounts.append(rules.line_minor(figures, self.currency))
            except rules.BadLine as error:
                raise _pointing(("lines", index, error.place), error) from None
        try:
            rules.total_minor(self._amounts)
        except rules.BadLine as error:
            raise _pointing(("lines",), error) from None
        return self

    @property
    def amounts(self) -> list[int]:
        """Each line's amount in minor units."""
        return self._amounts


def _pointing(location: tuple[str | int, ...], error: rules.BadLine) -> ValidationError:
    """A refusal that names the field: pydantic itself would name the whole purchase."""
    wrong = InitErrorDetails(type=PydanticCustomError(error.code, str(error)), loc=location, input=None)
    return ValidationError.from_exception_data("NewPurchase", [wrong])


class PurchaseLine(BaseModel):
    """One line, with what it came to."""

    number: int
    sku: str
    name: str | None
    category: str | None
    quantity: str
    unit_price: str | None
    discount: str | None
    amount: str
    unit_cost: str | None


class Purchase(BaseModel):
    """A purchase as it was recorded."""

    id: UUID
    customer_id: UUID
    source: str
    source_id: str
    purchased_at: datetime
    recorded_at: datetime
    currency: str
    channel: str | None
    store: str | None
    sold_through: str | None
    total: Money
    lines: list[PurchaseLine]
