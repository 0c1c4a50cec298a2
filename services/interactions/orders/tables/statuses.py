"""Changes of status, those that wait for their purchase, and the tenants' own statuses."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, Versioned, belongs_to, check, choice, document, index, timestamp, unique
from services.interactions.base import Base
from services.interactions.orders.rules.statuses import (
    OrderStatusKind,
    ReportedPaymentStatus,
    StatusChangeDocument,
)
from services.interactions.orders.rules.waiting import WaitingState
from services.interactions.orders.tables.waiting import WaitingRecord
from services.interactions.sources.tables import SourceRecord


class OrderStatus(Base, Versioned, table=True):
    """A status of orders that a tenant has added to those that every tenant has."""

    __tablename__ = "order_status"
    __table_args__ = (unique("status"),)

    status: str
    label: str | None
    position: int
    kind: OrderStatusKind = choice(OrderStatusKind, "kind")


class PurchaseStatusChange(SourceRecord, table=True):
    """A step of an order, or of its payment. It never changes, and may arrive in any order."""

    __tablename__ = "purchase_status_change"
    __table_args__ = (
        belongs_to("purchase_id", "purchase"),
        unique("source", "source_id"),
        index("purchase_id", "changed_at", "id"),
        index("customer_id"),
        index("recorded_at", "id"),
        check("changes_something", "status is not null or payment_status is not null"),
        check("position_of_status", "(status is null) = (position is null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID
    purchase_id: UUID
    changed_at: datetime = timestamp()
    status: str | None
    position: int | None
    """The position of the status when the change was recorded. A position never changes."""
    payment_status: ReportedPaymentStatus | None = choice(ReportedPaymentStatus, "payment_status")
    actor: str
    evidence: str | None
    tracking: str | None


class WaitingStatusChange(WaitingRecord, table=True):
    """A change of status that was sent before its purchase. It is deleted when it is recorded."""

    __tablename__ = "waiting_status_change"
    __table_args__ = (
        unique("source", "source_id"),
        index("purchase_source", "purchase_source_id", name="ix_waiting_status_change_purchase"),
    )

    changed_at: datetime = timestamp()
    actor: str
    wanted: StatusChangeDocument = document()
    state: WaitingState = choice(WaitingState, "state", default="waiting")
