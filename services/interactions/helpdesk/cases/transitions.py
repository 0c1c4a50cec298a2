"""The states of a case: how it moves, and its history."""

from uuid import UUID

from chassis import Feature, IfMatch, Page, PageParams, RecordTooLarge, VersionMismatch, Work, equals, paginate
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.cases.schemas import CaseTransition, CaseTransitionCreate, SupportCase
from services.interactions.helpdesk.queries.case_events import (
    CaseFieldsMissing,
    InvalidCaseTransition,
    ReopenLimitReached,
)
from services.interactions.helpdesk.queries.cases import move_case

feature = Feature("cases")


@feature.post(
    "/cases/{id:uuid}/transitions",
    scope="interactions:write",
    raises=[CaseFieldsMissing, InvalidCaseTransition, RecordTooLarge, ReopenLimitReached, VersionMismatch],
)
async def move_case_to_state(work: Work, id: UUID, body: CaseTransitionCreate, if_match: IfMatch) -> SupportCase:
    """Move a case to another state. If two agents move it at once, the second request reports the new state.

    The history keeps the actor, the time, the reason and the evidence.
    """
    before = await work.get(tables.SupportCase, id, for_update=True)
    work.check_version(before, if_match)
    values = {name: value for name, value in body.values().items() if value is not None}
    state, reason = values.pop("state"), values.pop("reason", None)
    evidence = values.pop("evidence", [])
    return SupportCase.of(await move_case(work, before, state, reason=reason, evidence=evidence, **values))


@feature.get("/cases/{id:uuid}/transitions", scope="interactions:read")
async def list_case_transitions(work: Work, id: UUID, params: PageParams) -> Page[CaseTransition]:
    """List the steps of a case, oldest first."""
    await work.get(tables.SupportCase, id)
    return await paginate(work, params, tables.CaseTransition, CaseTransition, sort="number", where=equals(case_id=id))
