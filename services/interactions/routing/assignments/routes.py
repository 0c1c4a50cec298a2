"""The operations that read and list assignments, and the routing of a case."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    Filter,
    Page,
    PageParams,
    Query,
    Reference,
    UnitOfWork,
    Work,
    condition,
    equals,
    paginate,
)
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing import tables
from services.interactions.routing.assignments.schemas import Assignment, CaseRouting, CaseWaiting, RoutingDecision
from services.interactions.routing.queries.dispatching import explain_waiting
from services.interactions.routing.rules.assignments import AssignmentState

feature = Feature("assignments")


@feature.get("/assignments", scope="interactions:read")
async def list_assignments(
    work: Work,
    params: PageParams,
    agent_id: Annotated[Reference | None, Parameter(description="Only assignments of this agent.")] = None,
    queue_id: Annotated[UUID | None, Parameter(description="Only assignments from this queue.")] = None,
    state: Annotated[AssignmentState | None, Parameter(description="Only assignments in this state.")] = None,
) -> Page[Assignment]:
    """List assignments, the newest first."""
    where = [*equals(agent_id=agent_id, queue_id=queue_id), *_in_state(work, state)]
    return await paginate(
        work, params, tables.Assignment, lambda row: Assignment.at(row, work.now), sort="-id", where=where
    )


@feature.get("/assignments/{id:uuid}", scope="interactions:read")
async def read_assignment(work: Work, id: UUID) -> Assignment:
    """Return an assignment, with the decision that led to it."""
    return Assignment.at(await work.get(tables.Assignment, id), work.now)


@feature.get("/cases/{id:uuid}/routing", scope="interactions:read")
async def read_case_routing(work: Work, id: UUID) -> CaseRouting:
    """Return where a case waits and why no agent has got it yet, and its assignments with their decisions."""
    await work.get(SupportCase, id)
    return await routing_of(work, id)


async def routing_of(work: UnitOfWork, case_id: UUID) -> CaseRouting:
    """Return the routing of a case."""
    explained = await explain_waiting(work, case_id)
    waiting = None
    if explained is not None:
        row, decision = explained
        waiting = CaseWaiting.from_row(row, decision=RoutingDecision.model_validate(decision))
    rows = await work.fetch(_NEWEST, case_id=case_id)
    return CaseRouting(case_id=case_id, waiting=waiting, assignments=[Assignment.at(row, work.now) for row in rows])


def _in_state(work: UnitOfWork, state: AssignmentState | None) -> list[Filter]:
    """Return the condition that assignments are in a state now. A wrap-up may be over before the worker stores it."""
    if state is None:
        return []
    present = "case when state = 'wrap_up' and wrap_up_until <= :now then 'ended' else state end"
    return [condition(f"{present} = :state", now=work.now, state=state)]


_NEWEST = Query(tables.Assignment, "select * from case_assignment where case_id = :case_id order by id desc limit 20")
