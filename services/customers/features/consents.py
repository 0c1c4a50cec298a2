"""Consents: what a customer allows, for a purpose on a channel, and the receipt that says so.

Receipts are only ever added. The latest decision holds, of two at one moment the stricter; so a grant that arrives
late, or again, never undoes a withdrawal that came after it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from chassis import Event, Feature, Instant, Invalid, Page, Paged, Paragraphs, Reference, Wire, Work, page, shown
from services.customers import rules
from services.customers.model import ConsentReceipt, Customer

feature = Feature("consents")

Purpose = Literal["marketing", "newsletter", "survey", "service", "research", "personalisation"]
Channel = Literal["email", "phone", "sms", "post", "push", "chat", "social"]
Verdict = Literal["granted", "withdrawn", "never_asked", "not_active"]


class ConsentGranted(Event, type="customers.consent_granted.v1", key="customer_id"):
    """A customer allowed something."""

    customer_id: UUID
    receipt_id: UUID
    purpose: Purpose
    channel: Channel
    decided_at: datetime


class ConsentWithdrawn(Event, type="customers.consent_withdrawn.v1", key="customer_id"):
    """A customer took back what was allowed, or forbade it from the start."""

    customer_id: UUID
    receipt_id: UUID
    purpose: Purpose
    channel: Channel
    decided_at: datetime


class NewConsent(Wire):
    """What a customer decided. `wording` is what the customer was shown, `source` where that was."""

    purpose: Purpose
    channel: Channel
    decision: Literal["granted", "withdrawn"]
    source: Reference
    wording: Paragraphs | None = None
    decided_at: Instant | None = None
    evidence: dict[str, Any] | None = None


class Consent(BaseModel):
    """A receipt."""

    id: UUID
    customer_id: UUID
    purpose: Purpose
    channel: Channel
    decision: Literal["granted", "withdrawn"]
    decided_at: datetime
    wording: str | None
    source: str
    evidence: dict[str, Any] | None
    actor: str
    recorded_at: datetime


class Permission(BaseModel):
    """Whether a customer may be contacted, and the receipt that says so."""

    customer_id: UUID
    purpose: Purpose
    channel: Channel
    permitted: bool
    reason: Verdict
    receipt: Consent | None
    as_of: datetime


@feature.post("/customers/{id:uuid}/consents", scope="customers:write", status_code=201)
async def record_consent(work: Work, id: UUID, wanted: NewConsent) -> Consent:
    """Records what a customer allowed or took back; now, when no other moment is named."""
    await work.get(Customer, id, lock=True)
    decided_at = wanted.decided_at or work.now
    if decided_at > work.now:
        raise Invalid.field("/decided_at", "in_the_future", "nobody has decided yet what is decided tomorrow")
    receipt = ConsentReceipt(
        **wanted.model_dump(exclude={"decided_at"}),
        customer_id=id,
        decided_at=decided_at,
        actor=work.actor,
        recorded_at=work.now,
    )
    await work.insert(receipt)
    fact = ConsentGranted if wanted.decision == "granted" else ConsentWithdrawn
    work.publish(
        fact(
            customer_id=id,
            receipt_id=receipt.id,
            purpose=wanted.purpose,
            channel=wanted.channel,
            decided_at=decided_at,
        )
    )
    return consent_of(vars(receipt))


@feature.get("/customers/{id:uuid}/consents", scope="customers:read")
async def list_consents(work: Work, id: UUID, paging: Paged) -> Page[Consent]:
    """Every receipt of a customer, in the order in which they were recorded."""
    await work.get(Customer, id)
    return await page(work, paging, ConsentReceipt, consent_of, where={"customer_id": id})


@feature.get("/customers/{id:uuid}/may-contact", scope="customers:read")
async def read_permission(
    work: Work,
    id: UUID,
    purpose: Annotated[Purpose, Query(description="What for.")],
    channel: Annotated[Channel, Query(description="By which way.")],
) -> Permission:
    """Yes or no, and the receipt that decides; without a receipt it is no."""
    customer = await work.get(Customer, id)
    receipts = await work.all(ConsentReceipt, customer_id=id, purpose=purpose, channel=channel)
    place = rules.deciding([rules.Decision(one.decision == "granted", one.decided_at) for one in receipts])
    receipt = None if place is None else receipts[place]
    reason: Verdict = "never_asked"
    if customer.state != "active":
        reason = "not_active"
    elif receipt is not None:
        reason = "granted" if receipt.decision == "granted" else "withdrawn"
    return Permission(
        customer_id=id,
        purpose=purpose,
        channel=channel,
        permitted=reason == "granted",
        reason=reason,
        receipt=consent_of(vars(receipt)) if receipt else None,
        as_of=work.now,
    )


def consent_of(row: Mapping[str, Any]) -> Consent:
    """The receipt as it is shown."""
    return shown(Consent, row)
