"""Leads."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, check, choice, document, index, long_text, timestamp
from services.customers.base import Base
from services.customers.people.rules.contacts import EmailDocument, PhoneDocument
from services.customers.people.rules.records import CustomerKind, ExternalIdDocument
from services.customers.sales.rules.leads import LeadState


class Lead(Versioned, Base, table=True):
    """A person or an organization that may become a customer. When it is converted, it names the customer."""

    __tablename__ = "lead"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("deal_id", "deal"),
        check("customer", "(state = 'converted') = (converted_at is not null)"),
        index("customer_id", postgresql_where=text("customer_id is not null")),
        index("deal_id", postgresql_where=text("deal_id is not null")),
        index("state", "created_at", "id"),
        index("created_at", "id"),
        index("updated_at", "id"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    kind: CustomerKind = choice(CustomerKind, "kind")
    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None
    emails: list[EmailDocument] = document(default_factory=list)
    phones: list[PhoneDocument] = document(default_factory=list)
    addresses: list[dict[str, Any]] = document(default_factory=list)
    external_ids: list[ExternalIdDocument] = document(default_factory=list)
    source: str | None = None
    owner_id: str | None = None
    note: str | None = long_text(default=None)
    unqualified_reason: str | None = None
    state: LeadState = choice(LeadState, "state", default="new")
    custom: dict[str, Any] = document(default_factory=dict)
    customer_id: UUID | None = None
    deal_id: UUID | None = None
    converted_at: datetime | None = timestamp(nullable=True, default=None)
