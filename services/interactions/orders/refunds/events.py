"""The event of a refund."""

from datetime import datetime
from uuid import UUID

from chassis import Amount, Event, Money, QuantityText, Resource


class RefundedLine(Resource):
    """The refunded part of a line. The quantity is null if the line was refunded by amount."""

    number: int
    """The number of the purchase's line, from 1."""
    sku: str
    """The item, by the seller's number (stock keeping unit)."""
    quantity: QuantityText | None
    """The refunded quantity, or null if an amount was refunded."""
    amount: Amount
    """The refunded amount: a decimal string, in the unit of the currency."""


class PurchaseRefunded(Event, type="interactions.purchase_refunded.v1", partition_key="customer_id"):
    """Money went back for a purchase. `refunded` is the sum of its refunds so far, this refund included.

    The events of release 0.1.0 lack `source`, `source_id` and `lines`, so a reader has to declare them as optional.
    """

    refund_id: UUID
    purchase_id: UUID
    customer_id: UUID
    refunded_at: datetime
    purchased_at: datetime
    amount: Money
    refunded: Money
    total: Money
    source: str
    source_id: str
    lines: list[RefundedLine]
