"""What refunds publish."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Money


class PurchaseRefunded(Event, type="interactions.purchase_refunded.v1", key="customer_id"):
    """Money went back for a purchase; `refunded` is all that has gone back by now, this refund included."""

    refund_id: UUID
    purchase_id: UUID
    customer_id: UUID
    refunded_at: datetime
    purchased_at: datetime
    amount: Money
    refunded: Money
    total: Money
