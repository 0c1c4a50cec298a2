"""Exchanges."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, belongs_to, bigint, index, timestamp, unique
from services.interactions.base import Base


class Exchange(Base, table=True):
    """A refund of a part of a purchase, and the purchase that replaced it. It never changes."""

    __tablename__ = "exchange"
    __table_args__ = (
        belongs_to("purchase_id", "purchase"),
        belongs_to("new_purchase_id", "purchase", name="fk_exchange_new_purchase"),
        belongs_to("refund_id", "refund"),
        unique("refund_id"),
        unique("new_purchase_id"),
        index("purchase_id", "id"),
        index("customer_id", "exchanged_at", "id"),
        index("exchanged_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            erase="keep", erase_reason="It has ids and amounts alone, as the purchases and the refund that it links."
        ),
    )

    customer_id: UUID
    purchase_id: UUID
    refund_id: UUID
    new_purchase_id: UUID
    exchanged_at: datetime = timestamp()
    currency: str
    refunded_minor: int = bigint()
    total_minor: int = bigint()
    recorded_at: datetime = timestamp()
