"""What purchases publish, and how they are refused."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from chassis import Event, Money


class RecordedLine(BaseModel):
    """One line of a recorded purchase."""

    number: int
    sku: str
    name: str | None
    category: str | None
    quantity: str
    amount: str
    unit_cost: str | None


class PurchaseRecorded(Event, type="interactions.purchase_recorded.v1", key="customer_id"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    source: str
    source_id: str
    purchased_at: datetime
    recorded_at: datetime
    total: Money
    channel: str | None
    store: str | None
    sold_through: str | None
    lines: list[RecordedLine]
