"""Consent receipts, the settings of consent, contacts that caps count, and links to the preference centre."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from chassis import Person, Versioned, belongs_to, choice, document, index, long_text, timestamp, unique
from services.customers.base import Base
from services.customers.permission.rules.decisions import ConsentDecision
from services.customers.permission.rules.vocabulary import (
    CHANNELS,
    PURPOSES,
    TermDocument,
    default_terms,
)


class ConsentReceipt(Base, table=True):
    """A decision of a customer for a purpose on a channel, and the evidence of it. Append-only."""

    __tablename__ = "consent_receipt"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        unique("source", "source_id"),
        index("customer_id", "purpose", "channel", "decided_at", name="ix_consent_receipt_customer"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    purpose: str
    channel: str
    decision: ConsentDecision = choice(ConsentDecision, "decision")
    decided_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True, default=None)
    wording: str | None = long_text()
    source: str
    source_id: str | None = None
    confirms_id: UUID | None = None
    evidence: dict[str, Any] | None = document(default=None)
    actor: str
    recorded_at: datetime = timestamp()


class ConsentExpiry(Base, table=True):
    """A grant that will expire. The row has the receipt's id, and is deleted when the event is published."""

    __tablename__ = "consent_expiry"
    __table_args__ = (belongs_to("customer_id", "customer", cascade=True), index("expires_at", "id"))
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    expires_at: datetime = timestamp()


class ConsentSettings(Versioned, Base, table=True):
    """The purposes, channels, caps and quiet hours of a tenant. The id is the tenant's."""

    __tablename__ = "consent_settings"
    audited: ClassVar[bool] = True

    purposes: list[TermDocument] = document(default_factory=lambda: default_terms(PURPOSES))
    channels: list[TermDocument] = document(default_factory=lambda: default_terms(CHANNELS))
    frequency_caps: list[dict[str, Any]] = document(default_factory=list)
    quiet_hours: dict[str, Any] | None = document(default=None)


class Contact(Base, table=True):
    """A contact with a customer that frequency caps count. The id is the touch point's."""

    __tablename__ = "contact"
    __table_args__ = (index("customer_id", "occurred_at"), index("occurred_at", "id"))
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    channel: str
    occurred_at: datetime = timestamp()


class PreferenceLink(Base, table=True):
    """A link to a customer's preference centre. Its token is shown once, and only the hash is stored."""

    __tablename__ = "preference_link"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        unique("token_hash"),
        index("customer_id"),
        index("expires_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    token_hash: bytes
    confirms_id: UUID | None = None
    expires_at: datetime = timestamp()
    revoked_at: datetime | None = timestamp(nullable=True, default=None)
    created_at: datetime = timestamp()
    created_by: str
