"""Consents: a customer's permission for a purpose on a channel, and the receipt that proves it.

Receipts are append-only. The latest decision counts, and on a tie the stricter, so a grant that arrives late or twice
never undoes a withdrawal.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from chassis import (
    Feature,
    Fields,
    Instant,
    JsonObject,
    MultilineText,
    Page,
    PageParams,
    Reference,
    RequestBody,
    Resource,
    Work,
    equals,
    paginate,
    reject_future,
)
from services.customers.people.queries import CustomerEvent
from services.customers.people.tables import Customer
from services.customers.permission import rules, tables
from services.customers.permission.rules import ConsentChannel, ConsentDecision, ConsentPurpose, PermissionReason

feature = Feature("consents")


class ConsentEvent(CustomerEvent):
    """The fields of both events."""

    receipt_id: UUID
    """The consent receipt."""
    purpose: ConsentPurpose
    """The purpose of the contacts."""
    channel: ConsentChannel
    """The channel."""
    source: Annotated[str, Field(description="Where the customer decided.", examples=["preference centre"])]
    decided_at: Annotated[
        datetime,
        Field(
            description="The decision that was made last counts, whenever its event arrives. Of two at the same time "
            "the withdrawal counts."
        ),
    ]
    recorded_at: datetime
    """When it was recorded."""


class ConsentGranted(ConsentEvent, type="customers.consent_granted.v1", partition_key="customer_id"):
    """A customer granted consent. A withdrawal that was decided later counts, even if its event arrives earlier."""


class ConsentWithdrawn(ConsentEvent, type="customers.consent_withdrawn.v1", partition_key="customer_id"):
    """A customer withdrew consent, or refused it from the start."""


class ConsentFields(Fields):
    """The fields of a decision. `wording` is the text that the customer was shown, `source` is where."""

    purpose: ConsentPurpose
    """The purpose of the contacts."""
    channel: ConsentChannel
    """The channel of the contacts."""
    decision: ConsentDecision
    """The customer's decision."""
    source: Reference
    """The place of the decision, such as a form."""
    wording: MultilineText | None = None
    """The text that the customer was shown."""
    evidence: JsonObject | None = None
    """Further evidence: a JSON object of at most 65,536 bytes."""


class ConsentCreate(ConsentFields, RequestBody):
    """A consent decision to record. `wording` is the text that the customer was shown, `source` is where."""

    example = {
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "sign-up form",
        "wording": "Send me the newsletter once a month.",
        "decided_at": "2026-03-01T10:00:00Z",
    }

    decided_at: Instant | None = None
    """When the customer decided. Default: now."""


class Consent(ConsentFields, Resource, row=tables.ConsentReceipt):
    """A consent receipt."""

    id: UUID
    """Identifies the receipt."""
    customer_id: UUID
    """The customer."""
    decided_at: datetime
    """When the customer decided."""
    actor: str
    """The principal that recorded the decision: `key:<id>` for an API key."""
    recorded_at: datetime
    """When the decision was recorded."""


class Permission(Resource):
    """The permission to contact a customer, and the receipt that decides it."""

    customer_id: UUID
    """The customer."""
    purpose: ConsentPurpose
    """The purpose of the contact."""
    channel: ConsentChannel
    """The channel of the contact."""
    permitted: bool
    """True if the customer may be contacted."""
    reason: PermissionReason
    """The reason for the result."""
    receipt: Consent | None
    """The receipt that decides it, or null without any."""
    as_of: datetime
    """The time of the result."""


@feature.post("/customers/{id:uuid}/consents", scope="customers:write", status_code=201, owner="id")
async def record_consent(work: Work, id: UUID, body: ConsentCreate) -> Consent:
    """Record a decision. `decided_at` defaults to now.

    The clock of a client may be ahead: a time within the next day is stored as now, and a later one is rejected.
    """
    customer = await work.get(Customer, id, for_update=True)
    decided_at = body.decided_at or work.now
    reject_future(work, decided_at, "/decided_at")
    decided_at = min(decided_at, work.now)
    values = body.values() | {"decided_at": decided_at}
    receipt = await work.insert(tables.ConsentReceipt(**values, customer_id=id, actor=work.actor, recorded_at=work.now))
    event = ConsentGranted if receipt.decision == "granted" else ConsentWithdrawn
    work.publish(event.from_row(receipt, receipt_id=receipt.id, external_ids=customer.external_ids))
    return Consent.from_row(receipt)


@feature.get("/customers/{id:uuid}/consents", scope="customers:read", owner="id")
async def list_consents(work: Work, id: UUID, params: PageParams) -> Page[Consent]:
    """List a customer's receipts in the order in which they were recorded."""
    await work.get(Customer, id)
    return await paginate(work, params, tables.ConsentReceipt, Consent, where=equals(customer_id=id))


@feature.get("/customers/{id:uuid}/may-contact", scope="customers:read", owner="id")
async def read_permission(
    work: Work,
    id: UUID,
    purpose: Annotated[ConsentPurpose, Query(description="The purpose of the contact.")],
    channel: Annotated[ConsentChannel, Query(description="The channel of the contact.")],
) -> Permission:
    """Return whether a customer may be contacted, and the receipt that decides it. Without a receipt: no."""
    customer = await work.get(Customer, id)
    receipts = await work.find_all(tables.ConsentReceipt, customer_id=id, purpose=purpose, channel=channel)
    index = rules.effective_decision(
        [rules.Decision(receipt.decision == "granted", receipt.decided_at) for receipt in receipts]
    )
    receipt = None if index is None else receipts[index]
    reason: PermissionReason = "never_asked"
    if customer.state != "active":
        reason = "not_active"
    elif receipt is not None:
        reason = receipt.decision
    return Permission(
        customer_id=id,
        purpose=purpose,
        channel=channel,
        permitted=reason == "granted",
        reason=reason,
        receipt=Consent.from_row(receipt) if receipt else None,
        as_of=work.now,
    )
