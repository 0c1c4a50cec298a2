"""Facts as they were received, and the sums that are computed from them."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from chassis import Person, bigint, exact_sum, index, timestamp, unique
from services.analytics.base import Base

SALES_STAY = "The figures of past sales stay right. Without the customer's record, the id leads to no person."


class PurchaseFact(Base, table=True):
    """A purchase, under its own id. Append-only: the sums can be computed again from it."""

    __tablename__ = "purchase_fact"
    __table_args__ = (index("currency", "purchased_at"),)
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="keep", erase_reason=SALES_STAY),)

    customer_id: UUID
    purchased_at: datetime = timestamp()
    currency: str
    revenue_minor: int = bigint()


class RefundFact(Base, table=True):
    """A refund, under its own id. Append-only, like purchases."""

    __tablename__ = "refund_fact"
    __table_args__ = (index("currency", "refunded_at"),)
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="keep", erase_reason=SALES_STAY),)

    customer_id: UUID
    refunded_at: datetime = timestamp()
    currency: str
    amount_minor: int = bigint()


class CustomerValue(Base, table=True):
    """The sums of a customer's purchases in one currency, updated in the transaction that stores the facts.

    Revenue is net of refunds. A refund may arrive before its purchase: until then there are no purchases and no times.
    """

    __tablename__ = "customer_value"
    __table_args__ = (unique("currency", "customer_id"),)
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="own", erase="keep", erase_reason=SALES_STAY),)

    currency: str
    customer_id: UUID
    purchases: int = bigint()
    revenue_minor: Decimal = exact_sum()
    first_at: datetime | None = timestamp(nullable=True)
    last_at: datetime | None = timestamp(nullable=True)
