"""The event of a refund."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Amount, Event, Money, QuantityText, Resource
from services.interactions.sources.queries import SourceId, SourceName


class RefundedLine(Resource):
    """The refunded part of a line. The quantity is null if the line was refunded by amount."""

    number: int
    """The number of the purchase's line, from 1."""
    sku: Annotated[str, Field(examples=["tea"])]
    """The item, by the seller's number (stock keeping unit)."""
    category: Annotated[str | None, Field(examples=["drinks"])]
    """The category of the item."""
    quantity: QuantityText | None
    """The refunded quantity, or null if an amount was refunded."""
    amount: Amount
    """The refunded amount: a decimal string, in the unit of the currency."""


class PurchaseRefunded(Event, type="interactions.purchase_refunded.v1", partition_key="customer_id"):
    """Money went back for a purchase. `refunded` is the sum of its refunds so far, this refund included."""

    refund_id: UUID
    """The refund."""
    purchase_id: UUID
    """The purchase."""
    customer_id: UUID
    """The customer."""
    refunded_at: datetime
    """When the money was returned."""
    purchased_at: datetime
    """When the purchase was made."""
    amount: Money
    """The refunded amount."""
    refunded: Annotated[Money, Field(description="The sum of the refunds of the purchase, with this refund.")]
    total: Annotated[Money, Field(description="The total of the purchase.")]
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    lines: Annotated[list[RefundedLine], Field(description="Empty if only an amount was refunded.")]
    recorded_at: datetime
    """When it was recorded."""
    purchase_source: SourceName
    """The system that sent the purchase."""
    purchase_source_id: SourceId
    """The id of the purchase in that system."""
    channel: Annotated[str | None, Field(description="The channel of the purchase.", examples=["shop"])]
    store: Annotated[str | None, Field(description="The store of the purchase.", examples=["Amsterdam"])]
    sold_through: Annotated[str | None, Field(description="The partner that made the purchase.", examples=["partner"])]
