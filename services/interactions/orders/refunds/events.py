"""The event of a refund."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Money


class PurchaseRefunded(Event, type="interactions.purchase_refunded.v1", partition_key="customer_id"):
    """Money went back for a purchase. `refunded` is the sum of its refunds so far, this refund included."""

    refund_id: UUID
    purchase_id: UUID
    customer_id: UUID
    refunded_at: datetime
    purchased_at: datetime
    amount: Money
    refunded: Money
    total: Money
