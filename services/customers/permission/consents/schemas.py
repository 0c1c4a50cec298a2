"""Request and response bodies of consents."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import model_validator

from chassis import (
    NOT_AFTER,
    FieldCode,
    Fields,
    Instant,
    JsonObject,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    invalid,
)
from services.customers.permission import tables
from services.customers.permission.rules.decisions import ConsentDecision, PermissionReason
from services.customers.permission.rules.vocabulary import ConsentChannel, ConsentPurpose
from services.customers.permission.rules.welcome import BetterChannelReason, WelcomeReason

WITHDRAWALS_LAST = FieldCode(
    "withdrawals_last", "A withdrawal has no end.", "Leave `expires_at` out. A later grant replaces a withdrawal."
)


class ConsentFields(Fields):
    """The fields of a decision. `wording` is the text that the customer was shown, `source` is where."""

    purpose: ConsentPurpose
    """The purpose of the contacts."""
    channel: ConsentChannel
    """The channel of the contacts."""
    decision: ConsentDecision
    """The customer's decision. `pending` permits nothing until the customer confirms it."""
    source: Reference
    """The place of the decision, such as a form."""
    source_id: Reference | None = None
    """The receipt's id in the source. A repeat with the same source id is stored once."""
    wording: MultilineText | None = None
    """The text that the customer was shown."""
    evidence: JsonObject | None = None
    """Further evidence: a JSON object of at most 65,536 bytes."""
    expires_at: Instant | None = None
    """When a grant ends, or until when a pending receipt can be confirmed. Null if it does not end."""


class _Validated(ConsentFields, RequestBody):
    """A decision whose fields agree."""

    decided_at: Instant | None = None
    """When the customer decided. Default: now."""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if self.expires_at is None:
            return self
        if self.decision == "withdrawn":
            raise invalid(WITHDRAWALS_LAST, "a withdrawal does not expire")
        if self.decided_at is not None and self.expires_at <= self.decided_at:
            raise invalid(NOT_AFTER, "expires_at must be after decided_at")
        return self


class ConsentCreate(_Validated):
    """A consent decision to record. `wording` is the text that the customer was shown, `source` is where."""

    example = {
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "sign-up form",
        "wording": "Send me the newsletter once a month.",
        "decided_at": "2026-03-01T10:00:00Z",
    }


class ConsentImport(_Validated):
    """A decision that another system has recorded, with its id there and its original time."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "former CRM",
        "source_id": "permission-4711",
        "decided_at": "2024-05-01T09:30:00Z",
    }

    customer_id: UUID
    """The customer."""
    source_id: Reference
    """The receipt's id in the source. A repeat with the same source id is stored once."""
    decided_at: Instant
    """When the customer decided."""


class Consent(ConsentFields, Resource, row=tables.ConsentReceipt):
    """A consent receipt."""

    id: UUID
    """Identifies the receipt."""
    customer_id: UUID
    """The customer."""
    decided_at: datetime
    """When the customer decided."""
    confirms_id: UUID | None
    """The pending receipt that this one confirms, or null."""
    actor: str
    """The principal that recorded the decision: `key:<id>` for an API key, `preference-link:<id>` for the customer."""
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
    welcome: bool
    """False in quiet hours, or after too many contacts. It is independent of `permitted`."""
    welcome_reason: WelcomeReason
    """The reason for `welcome`."""
    welcome_at: datetime
    """From when on a contact is welcome."""
    better_channel: ConsentChannel | None
    """The customer's preferred channel, if it is permitted for this purpose and another one than this, or null."""
    better_channel_reason: BetterChannelReason
    """The reason for `better_channel`."""
    as_of: datetime
    """The time of the result."""
