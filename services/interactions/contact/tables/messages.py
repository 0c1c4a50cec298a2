"""Messages to customers, and what became of them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, belongs_to, check, choice, index, long_text, timestamp, unique
from services.interactions.base import Base
from services.interactions.contact.rules.messages import MessageOutcomeKind, MessageReason, MessageState


class Message(Base, table=True):
    """A message to a customer. Each cause requests it once."""

    __tablename__ = "message"
    __table_args__ = (
        unique("cause_kind", "cause_id"),
        index("customer_id", "requested_at", "id"),
        index("state", "requested_at", "id"),
        index("requested_at", "id"),
        check("suppressed_for_a_reason", "(state = 'suppressed') <= (reason is not null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    channel: str
    purpose: str | None = None
    """The purpose that needs permission, or None for a service message."""
    subject: str | None = None
    body: str = long_text()
    html: str | None = long_text(default=None)
    """The body as HTML, or None."""
    recipient: str | None = None
    """The address or number to which it was requested, as the customer gave it."""
    cause_kind: str
    cause_id: UUID
    receipt_id: UUID | None = None
    """The consent receipt that decided."""
    state: MessageState = choice(MessageState, "state")
    reason: MessageReason | None = choice(MessageReason, "reason", default=None)
    actor: str
    requested_at: datetime = timestamp()
    settled_at: datetime | None = timestamp(nullable=True, default=None)
    """When it was suppressed, delivered or failed."""


class MessageOutcome(Base, table=True):
    """What the sender has reported of a message: each outcome once."""

    __tablename__ = "message_outcome"
    __table_args__ = (belongs_to("message_id", "message", cascade=True), unique("message_id", "outcome"))

    message_id: UUID
    outcome: MessageOutcomeKind = choice(MessageOutcomeKind, "outcome")
    occurred_at: datetime = timestamp()
    detail: str | None = None
    recorded_at: datetime = timestamp()
