"""Request and response bodies of de-selections, and the problems."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import DecimalText, Fields, MultilineText, Problem, RequestBody, Resource
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules.deselecting import (
    AppealOutcome,
    DeselectionDecision,
    DeselectionState,
    EvidenceKind,
    NoticeChannel,
    Treatment,
)

MIN_NOTICE_DAYS, MAX_NOTICE_DAYS = 7, 180
MAX_DAYS = 730


class DeselectionOpen(Problem, status=409):
    """A de-selection of this customer is open.

    `deselection_id` is that de-selection. Decide on it, or wait until it ends.
    """


class DeselectionNotInState(Problem, status=409):
    """The de-selection is not in a state that allows this.

    `state` is its state. A proposal is decided once, and an approved one can be appealed against while it lasts.
    """


class ProposerMayNotDecide(Problem, status=409):
    """The principal that proposed the de-selection may not decide on it.

    A second person decides. Send the decision with the credential of another person.
    """


class EvidenceFields(Fields):
    """A figure on which a proposal is based."""

    kind: EvidenceKind
    """The figure. Age, area and birth date are not among them."""
    value: DecimalText
    """The value: a decimal string. Money is in the currency of the tenant."""
    period_days: Annotated[int, Field(strict=True, ge=1, le=3660)]
    """The days before the proposal to which the figure refers."""


class EvidenceCreate(EvidenceFields, RequestBody):
    """A figure on which a proposal is based."""


class Evidence(EvidenceFields, Resource):
    """A figure on which a proposal is based."""


class DeselectionCreate(RequestBody):
    """A proposal to treat a customer differently."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "treatment": "self_service",
        "reason": "Visits cost more than the purchases bring in.",
        "evidence": [{"kind": "contribution", "value": "-120.00", "period_days": 365}],
    }

    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """The treatment that is proposed."""
    reason: MultilineText
    """The reason for the proposal."""
    evidence: Annotated[list[EvidenceCreate], Field(min_length=1, max_length=20)]
    """The figures on which it is based."""


class DeselectionDecisionCreate(RequestBody):
    """The decision of a person on a proposal."""

    example = {
        "decision": "approved",
        "reason": "A year of losses, and two offers that were refused.",
        "notice_channel": "post",
        "notice_days": 30,
        "days": 365,
    }

    decision: DeselectionDecision
    """The decision."""
    reason: MultilineText
    """The reason for the decision, which the customer can ask for."""
    notice_channel: NoticeChannel | None = None
    """How the customer is informed. Required for an approval: no treatment begins in silence."""
    notice_days: Annotated[int, Field(strict=True, ge=MIN_NOTICE_DAYS, le=MAX_NOTICE_DAYS)] | None = None
    """Days until the treatment begins. Default: 14."""
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] | None = None
    """Days that the treatment lasts. Default: 365."""


class AppealCreate(RequestBody):
    """An appeal of the customer against a de-selection."""

    example = {"reason": "The returns were faults of the delivery."}

    reason: MultilineText
    """The customer's reason."""


class AppealDecisionCreate(RequestBody):
    """The decision on an appeal."""

    example = {"outcome": "reversed", "reason": "Confirmed by the carrier."}

    outcome: AppealOutcome
    """The de-selection stands, or is reversed."""
    reason: MultilineText
    """The reason for the decision."""


class Deselection(Resource, row=tables.Deselection, etag="version"):
    """A de-selection: a proposal, its decision, and the treatment that follows."""

    id: UUID
    """Identifies the de-selection."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    treatment: Treatment
    """Other prices, self-service only, or the end of the relationship."""
    state: DeselectionState
    """A proposal, approved with notice, in effect, under appeal, rejected, reversed, or expired."""
    reason: str
    """The reason for the proposal."""
    evidence: list[Evidence]
    """The figures on which it is based."""
    proposed_by: str
    """The principal that proposed it: `key:<id>` for an API key."""
    expires_at: datetime
    """When it expires: the proposal if it is not decided, or else the treatment."""
    decided_by: str | None
    """The principal that decided, or null."""
    decided_at: datetime | None
    """When it was decided, or null."""
    decision_reason: str | None
    """The reason for the decision, or null."""
    notice_channel: NoticeChannel | None
    """How the customer is informed, or null."""
    takes_effect_at: datetime | None
    """When the treatment begins, or null."""
    appeal_reason: str | None
    """The customer's reason for an appeal, or null."""
    appealed_at: datetime | None
    """When the customer appealed, or null."""
    appeal_decided_by: str | None
    """The principal that decided on the appeal, or null."""
    appeal_decision_reason: str | None
    """The reason for that decision, or null."""
    created_at: datetime
    """When it was proposed."""
    updated_at: datetime
    """When it last changed."""
