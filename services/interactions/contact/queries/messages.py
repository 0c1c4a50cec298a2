"""The way to send a message: every feature that writes to a customer requests it here."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, UnitOfWork, reject_erased
from services.interactions.contact import tables
from services.interactions.contact.queries.permission import may_contact
from services.interactions.contact.queries.profiles import primary_address, profile_of
from services.interactions.contact.rules import messages as rules

CAUSE_PATTERN = "^[a-z][a-z_]*$"
CauseKind = Annotated[
    str,
    Field(
        pattern=CAUSE_PATTERN,
        description="The kind of record that caused the message. An agent's own message is `request`.",
        examples=["promise"],
    ),
]


class MessageEvent(Event):
    """The fields of every event about a message."""

    message_id: UUID
    """The message."""
    customer_id: UUID
    """The customer."""
    channel: Annotated[str, Field(examples=["email"])]
    """The channel."""
    purpose: Annotated[str | None, Field(examples=["newsletter"])]
    """The purpose, or null for a service message."""
    cause_kind: CauseKind
    cause_id: UUID
    """The record that caused the message."""


class MessageRequested(MessageEvent, type="interactions.message_requested.v1", partition_key="customer_id"):
    """A message is to be sent now. It is permitted: send it once, and report its outcomes.

    Report them with `POST /v1/messages/{id}/outcomes`.
    """

    recipient: Annotated[str | None, Field(examples=["ada@example.com"])]
    """The primary address or number for the channel, or null if none is known."""
    subject_line: Annotated[str | None, Field(examples=["Your delivery"])]
    """The subject."""
    body: Annotated[str, Field(examples=["The kettle arrives tomorrow."])]
    """The text."""
    html: Annotated[str | None, Field(examples=["<p>The kettle arrives tomorrow.</p>"])]
    """The text as HTML, or null."""
    unsubscribe_path: Annotated[str | None, Field(examples=["/v1/unsubscribes/AZOnwls..."])]
    """The path of the link by which the customer unsubscribes, or null. It is a secret of the customer.

    Append it to the address of the API, and send it in the header `List-Unsubscribe` of a mail, beside the header
    `List-Unsubscribe-Post: List-Unsubscribe=One-Click` (RFC 8058).
    """
    receipt_id: UUID | None
    """The consent receipt that allows it, or null for a service message."""
    requested_at: datetime
    """When it was requested."""


async def request_message(
    work: UnitOfWork,
    *,
    customer_id: UUID,
    channel: str,
    purpose: str | None,
    subject: str | None,
    body: str,
    html: str | None = None,
    unsubscribe_path: str | None = None,
    cause_kind: str,
    cause_id: UUID,
) -> tables.Message:
    """Request a message to a customer, and publish it for the sender unless it is suppressed.

    A purpose needs permission at this moment. Without a purpose it is a service message, such as a delay, which needs
    none. A suppressed message is stored with its reason. A cause requests a message once: a repeat returns the first.
    If a concurrent transaction requests it as well, the unique constraint fails and the retry returns its message.

    Raises PersonErased.
    """
    requested = await work.find(tables.Message, cause_kind=cause_kind, cause_id=cause_id)
    if requested is not None:
        return requested
    await reject_erased(work, customer_id)
    message = tables.Message(
        customer_id=customer_id,
        channel=channel,
        purpose=purpose,
        subject=subject,
        body=body,
        html=html,
        cause_kind=cause_kind,
        cause_id=cause_id,
        actor=work.actor,
        state="requested",
        requested_at=work.now,
    )
    message = await _decided(work, message)
    if message.state == "requested":
        known = {"subject_line": message.subject, "unsubscribe_path": unsubscribe_path}
        work.publish(MessageRequested.from_row(message, message_id=message.id, **known))
    return await work.insert(message)


async def _decided(work: UnitOfWork, message: tables.Message) -> tables.Message:
    """Return the message with its recipient and its receipt, suppressed if it must not or cannot be sent."""
    reason: rules.MessageReason | None = None
    if message.purpose is not None:
        permission = await may_contact(work, message.customer_id, message.purpose, message.channel)
        message = message.replace(receipt_id=permission.receipt_id)
        reason = rules.refusal(permission.reason)
    profile = await profile_of(work, message.customer_id)
    kind = rules.ADDRESS_KINDS.get(message.channel)
    if profile is not None and kind is not None:
        message = message.replace(recipient=await primary_address(work, profile.id, kind))
        if message.recipient is None and profile.contact_version > 0:
            reason = reason or "no_address"
    if reason is not None:
        return message.replace(state="suppressed", reason=reason, recipient=None, settled_at=work.now)
    return message
