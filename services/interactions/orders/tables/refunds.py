"""Refunds, and refunds that wait for their purchase."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, belongs_to, bigint, check, choice, document, index, timestamp, unique
from services.interactions.orders.rules.amounts import RefundLineDocument, RequestedRefundDocument
from services.interactions.orders.rules.waiting import WaitingRefundState
from services.interactions.orders.tables.waiting import WaitingRecord
from services.interactions.sources.tables import SourceRecord


class Refund(SourceRecord, table=True):
    """Money that went back for a purchase, by line or as an amount. It never changes."""

    __tablename__ = "refund"
    __table_args__ = (
        belongs_to("purchase_id", "purchase"),
        unique("source", "source_id"),
        index("purchase_id"),
        index("customer_id", "refunded_at", "id"),
        index("refunded_at", "id"),
        index("recorded_at", "id"),
        check("amount_minor", "amount_minor > 0"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID
    purchase_id: UUID
    refunded_at: datetime = timestamp()
    currency: str
    amount_minor: int = bigint()
    lines: list[RefundLineDocument] = document()


class WaitingRefund(WaitingRecord, table=True):
    """A refund that was sent before its purchase. It is deleted when it is recorded."""

    __tablename__ = "waiting_refund"
    __table_args__ = (unique("source", "source_id"), index("purchase_source", "purchase_source_id"))

    refunded_at: datetime = timestamp()
    wanted: RequestedRefundDocument = document()
    state: WaitingRefundState = choice(WaitingRefundState, "state", default="waiting")
