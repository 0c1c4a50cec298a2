"""Decisions of customers about contacts, as the customers service has recorded them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, choice, index, timestamp
from services.interactions.base import Base
from services.interactions.contact.rules.permission import ConsentDecisionKind


class ConsentDecision(Base, table=True):
    """A decision for a purpose on a channel, under the id of its receipt.

    The decision that counts is computed from all of them, as in the customers service. So the order of the events does
    not matter, and after a merge the decisions of both customers count.
    """

    __tablename__ = "consent_decision"
    __table_args__ = (index("customer_id", "purpose", "channel"),)
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    purpose: str
    channel: str
    decision: ConsentDecisionKind = choice(ConsentDecisionKind, "decision")
    decided_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True, default=None)
