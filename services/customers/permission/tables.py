"""Consent receipts."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from chassis import Person, belongs_to, choice, document, index, long_text, timestamp
from services.customers.base import Base
from services.customers.permission.rules import ConsentChannel, ConsentDecision, ConsentPurpose


class ConsentReceipt(Base, table=True):
    """A decision of a customer for a purpose on a channel, and the evidence of it. Append-only."""

    __tablename__ = "consent_receipt"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("customer_id", "purpose", "channel", "decided_at", name="ix_consent_receipt_customer"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    purpose: ConsentPurpose = choice(ConsentPurpose, "purpose")
    channel: ConsentChannel = choice(ConsentChannel, "channel")
    decision: ConsentDecision = choice(ConsentDecision, "decision")
    decided_at: datetime = timestamp()
    wording: str | None = long_text()
    source: str
    evidence: dict[str, Any] | None = document(default=None)
    actor: str
    recorded_at: datetime = timestamp()
