"""Purchases, with their state."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, bigint, choice, document, index, timestamp, unique
from services.interactions.orders.rules.amounts import PurchaseLineDocument
from services.interactions.orders.rules.statuses import PaymentBasis, PaymentStatus
from services.interactions.sources.tables import SourceRecord


class Purchase(SourceRecord, table=True):
    """A purchase of a customer. Its lines never change: refunds and changes of status are rows beside it.

    Its state is the fold of these rows, stored so that lists filter by it. An erasure removes its texts.

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
        index("status", "purchased_at", "id", postgresql_where=text("status is not null")),
        index("payment_status", "purchased_at", "id", postgresql_where=text("payment_status is not null")),
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
    status: str | None = None
    status_at: datetime | None = timestamp(nullable=True, default=None)
    payment_status: PaymentStatus | None = choice(PaymentStatus, "payment_status", default=None)
    payment_basis: PaymentBasis | None = choice(PaymentBasis, "payment_basis", default=None)
