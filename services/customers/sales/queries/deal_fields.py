"""Fields of deals that the bodies of several features share."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import (
    POSITIVE_AMOUNT_PATTERN,
    Amount,
    CurrentCurrency,
    Day,
    Fields,
    JsonObject,
    Line,
    QuantityText,
    Reference,
    Resource,
    ShortLine,
    UnitPriceText,
)
from services.customers.sales.rules.lines import DiscountState

PositiveAmount = Annotated[str, Field(pattern=POSITIVE_AMOUNT_PATTERN, examples=["12.34"])]


class DealFields(Fields):
    """The fields that requests and responses share, and that are null if nothing is known."""

    owner_id: Reference | None = None
    """The salesperson: an id of your own."""
    expected_close_on: Day | None = None
    """The day on which it is expected to be won."""
    competitor: Line | None = None
    """The strongest competitor."""
    source: ShortLine | None = None
    """The origin of the deal, such as `fair`."""


class DealValues(DealFields):
    """The fields that a request may set."""

    amount: PositiveAmount | None = None
    """The amount, while the deal has no lines: a decimal string."""
    currency: CurrentCurrency | None = None
    """The currency of the amount and the lines. Default: that of the tenant."""
    custom: JsonObject | None = None
    """Fields of your own: a JSON object of at most 65,536 bytes."""


PercentText = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{2}$", examples=["12.50"])]


class DealLineFields(Fields):
    """The fields of a line that requests and responses share."""

    product_id: UUID | None = None
    """The product."""


class DealLine(DealLineFields, Resource):
    """A line of a deal, with its amount."""

    number: int
    """The number of the line, from 1."""
    sku: str | None
    """The seller's number of the product, or null without a product."""
    name: str
    """The name of the item."""
    quantity: QuantityText
    """The quantity: a decimal string."""
    list_price: UnitPriceText | None
    """The product's list price at the time, if it is in the currency of the deal."""
    unit_price: UnitPriceText
    """The price of a unit."""
    discount: Amount
    """The discount on the whole line."""
    amount: Amount
    """Quantity x unit price, rounded half up, less the discount."""


class DiscountFields(Fields):
    """The discount of a deal's lines."""

    discount_percent: PercentText
    """The discount of the lines in per cent of their list prices, rounded up."""
    discount_state: DiscountState
    """Whether the discount is within the limit of its author, or needs an approval."""
