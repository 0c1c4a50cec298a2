"""Routing follows what happens to a case elsewhere: it is opened, reopened, resolved, or assigned by hand.

Each step follows from the present state of the case alone. So events that are repeated, late or in another order lead
to the same result.
"""

from uuid import UUID

from chassis import Query, UnitOfWork
from services.interactions.helpdesk.queries.cases import assign_case
from services.interactions.helpdesk.rules.cases import ENDED
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing import tables
from services.interactions.routing.queries.assignments import (
    begin_assignment,
    end_assignment,
    last_assignment,
    open_assignment,
    wrap_up_or_end,
)
from services.interactions.routing.queries.waiting import choose_queue, enter_queue, leave_queue
from services.interactions.routing.rules.ranking import rank_of_case


async def is_routing_used(work: UnitOfWork) -> bool:
    """Return whether the tenant has queues or agents."""
    return await work.fetch_row(_IS_USED)


async def follow_case(work: UnitOfWork, case_id: UUID) -> None:
    """Bring queue and assignment of a case in line with its state. The routing of the tenant is locked."""
    case = await work.find(SupportCase, id=case_id, for_update=True)
    if case is None:
        return
    assignment = await open_assignment(work, case_id)
    if case.state in ENDED:
        await leave_queue(work, case_id)
        if assignment is not None and assignment.state == "active":
            await wrap_up_or_end(work, assignment)
    elif case.agent_id is None:
        if assignment is not None:
            await end_assignment(work, assignment, "unassigned")
        await _wait(work, case)
    elif assignment is None or assignment.agent_id != case.agent_id:
        if assignment is not None:
            await end_assignment(work, assignment, "reassigned")
        await _take_up(work, case, case.agent_id)
    elif assignment.state == "wrap_up":
        await work.update(assignment, state="active", wrap_up_since=None, wrap_up_until=None)


async def _wait(work: UnitOfWork, case: SupportCase) -> None:
    """Let a case without an agent wait: in its queue with its present priority, or in the first that it enters."""
    waiting = await work.find(tables.QueuedCase, case_id=case.id, for_update=True)
    if waiting is not None:
        rank = rank_of_case(case.priority, case.opened_at)
        await work.update(waiting, priority=case.priority, rank=rank)
    elif (queue := await choose_queue(work, case)) is not None:
        await enter_queue(work, case, queue.id)


async def _take_up(work: UnitOfWork, case: SupportCase, agent_id: str) -> None:
    """Record the agent whom a person has put in charge. A case that was resolved and reopened is routed again."""
    last = await last_assignment(work, case.id)
    was_resolved = last is not None and last.ended_because in ("resolved", "wrapped_up")
    if last is not None and was_resolved and last.agent_id == agent_id:
        queue = await choose_queue(work, case)
        if queue is not None:
            await enter_queue(work, await assign_case(work, case, {"agent_id": None}), queue.id)
            return
    if await work.find(tables.Agent, agent_id=agent_id) is None:
        await leave_queue(work, case.id)
    else:
        await begin_assignment(work, case, agent_id, "by_hand")


_IS_USED = Query(bool, "select exists (select from routing_queue) or exists (select from agent)")
