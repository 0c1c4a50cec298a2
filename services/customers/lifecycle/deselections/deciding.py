"""The decision on a proposal, by another person than the proposer."""

from datetime import timedelta
from uuid import UUID

from chassis import Feature, FieldCode, IfMatch, ValidationFailed, VersionMismatch, Work
from services.customers.lifecycle.deselections.events import publish_decision
from services.customers.lifecycle.deselections.queries import lock_in_state
from services.customers.lifecycle.deselections.schemas import (
    Deselection,
    DeselectionDecisionCreate,
    DeselectionNotInState,
    ProposerMayNotDecide,
)

feature = Feature("deselections")
NOTICE_DAYS = 14
NOTICE_REQUIRED = FieldCode(
    "notice_required", "An approval says how the customer is informed.", "Send `notice_channel` with the approval."
)


@feature.post(
    "/deselections/{id:uuid}/decide",
    scope="customers:decide",
    raises=[DeselectionNotInState, ProposerMayNotDecide, VersionMismatch],
)
async def decide_deselection(work: Work, id: UUID, body: DeselectionDecisionCreate, if_match: IfMatch) -> Deselection:
    """Approve or reject a proposal. The proposer may not decide. An approval names how the customer is informed."""
    row = await lock_in_state(work, id, "proposed")
    work.check_version(row, if_match)
    if row.proposed_by == work.actor:
        raise ProposerMayNotDecide
    decided = {"decided_by": work.actor, "decided_at": work.now, "decision_reason": body.reason}
    if body.decision == "rejected":
        row = await work.update(row, state="rejected", **decided)
    else:
        if body.notice_channel is None:
            raise ValidationFailed.field("/notice_channel", NOTICE_REQUIRED, "is required for an approval")
        takes_effect_at = work.now + timedelta(days=body.notice_days or NOTICE_DAYS)
        row = await work.update(
            row,
            state="approved",
            notice_channel=body.notice_channel,
            takes_effect_at=takes_effect_at,
            expires_at=takes_effect_at + timedelta(days=body.days or 365),
            **decided,
        )
    publish_decision(work, row)
    return Deselection.from_row(row)
