"""Every table of analytics: facts as they were told, and rollups that are exact at every commit."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint

from chassis import Table, instant, new_registry, whole


class Owned(Table, registry=new_registry()):
    """What this service owns."""


class PurchaseFact(Owned, table=True):
    """A purchase; the id is the purchase's. Append-only: the rollups can be made again from it."""

    __tablename__ = "purchase_fact"
    __table_args__ = (Index(None, "tenant_id", "currency", "purchased_at"),)

    customer_id: UUID
    purchased_at: datetime = instant()
    currency: str
    revenue_minor: int = whole()


class RefundFact(Owned, table=True):
    """A refund; the id is the refund's. Append-only, like the purchases."""

    __tablename__ = "refund_fact"
    __table_args__ = (Index(None, "tenant_id", "currency", "refunded_at"),)

    customer_id: UUID
    refunded_at: datetime = instant()
    currency: str
    amount_minor: int = whole()


class CustomerValue(Owned, table=True):
    """A customer's purchases in one currency, summed: updated in the transaction that stores the facts.

    Revenue is net of refunds. A refund may be told before its purchase: then there are no purchases yet, and no times.
    """

    __tablename__ = "customer_value"
    __table_args__ = (UniqueConstraint("tenant_id", "currency", "customer_id"),)

    currency: str
    customer_id: UUID
    purchases: int = whole()
    revenue_minor: int = whole()
    first_at: datetime | None = instant(nullable=True)
    last_at: datetime | None = instant(nullable=True)
