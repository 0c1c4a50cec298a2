"""Purchases, refunds, and refunds that wait for their purchase."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, belongs_to, bigint, check, choice, document, index, timestamp, unique
from services.interactions.base import Base
from services.interactions.orders.rules import (
    PurchaseLineDocument,
    RefundLineDocument,
    RequestedRefundDocument,
    WaitingRefundState,
)
from services.interactions.sources.tables import SourceRecord


class Purchase(SourceRecord, table=True):
    """A purchase of a customer. It never changes, because refunds are rows beside it. An erasure removes its texts.

    Its lines are a part of it and are only ever read with it, so they are stored as a document.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        unique("source", "source_id"),
        index("customer_id", "purchased_at", "id"),
        index("store", "purchased_at", "id", postgresql_where=text("store is not null")),
        index("channel", "purchased_at", "id", postgresql_where=text("channel is not null")),
        index("purchased_at", "id"),
        index("recorded_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID
    purchased_at: datetime = timestamp()
    currency: str
    channel: str | None
    store: str | None
    sold_through: str | None
    total_minor: int = bigint()
    lines: list[PurchaseLineDocument] = document()


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


class WaitingRefund(Base, table=True):
    """A refund that was sent before its purchase. It is deleted when it is recorded."""

    __tablename__ = "waiting_refund"
    __table_args__ = (unique("source", "source_id"), index("purchase_source", "purchase_source_id"))

    purchase_source: str
    purchase_source_id: str
    source: str
    source_id: str
    refunded_at: datetime = timestamp()
    wanted: RequestedRefundDocument = document()
    content_hash: str
    state: WaitingRefundState = choice(WaitingRefundState, "state", default="waiting")
    problem: str | None = None
    recorded_at: datetime = timestamp()
