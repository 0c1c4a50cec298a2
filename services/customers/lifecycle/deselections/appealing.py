"""The appeal of a customer against a de-selection, and the decision on it."""

from uuid import UUID

from chassis import Feature, IfMatch, VersionMismatch, Work
from services.customers.lifecycle.deselections.events import publish_decision
from services.customers.lifecycle.deselections.queries import lock_in_state
from services.customers.lifecycle.deselections.schemas import (
    AppealCreate,
    AppealDecisionCreate,
    Deselection,
    DeselectionNotInState,
    ProposerMayNotDecide,
)
from services.customers.lifecycle.rules.deselecting import DeselectionState

feature = Feature("deselections")


@feature.post("/deselections/{id:uuid}/appeal", scope="customers:write", raises=[DeselectionNotInState])
async def appeal_deselection(work: Work, id: UUID, body: AppealCreate) -> Deselection:
    """Record the customer's appeal. Until it is decided, the treatment does not apply.

    An appeal that is not decided ends with the de-selection, at `expires_at`.
    """
    row = await lock_in_state(work, id, "approved", "in_effect")
    row = await work.update(row, state="appealed", appeal_reason=body.reason, appealed_at=work.now)
    publish_decision(work, row)
    return Deselection.from_row(row)


@feature.post(
    "/deselections/{id:uuid}/decide-appeal",
    scope="customers:decide",
    raises=[DeselectionNotInState, ProposerMayNotDecide, VersionMismatch],
)
async def decide_appeal(work: Work, id: UUID, body: AppealDecisionCreate, if_match: IfMatch) -> Deselection:
    """Uphold or reverse a de-selection after an appeal. The proposer may not decide."""
    row = await lock_in_state(work, id, "appealed")
    work.check_version(row, if_match)
    if row.proposed_by == work.actor:
        raise ProposerMayNotDecide
    state: DeselectionState = "reversed" if body.outcome == "reversed" else "approved"
    row = await work.update(row, state=state, appeal_decided_by=work.actor, appeal_decision_reason=body.reason)
    publish_decision(work, row)
    return Deselection.from_row(row)
