"""The steps of agents: they claim cases, transfer them, and finish a wrap-up."""

from uuid import UUID

from chassis import (
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    MissingScope,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
)
from services.interactions.helpdesk.queries.cases import assign_case
from services.interactions.helpdesk.rules.cases import ENDED
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing import tables
from services.interactions.routing.assignments.problems import (
    AgentAtCapacity,
    CaseAlreadyAssigned,
    CaseInProgress,
    CaseNotOpen,
)
from services.interactions.routing.assignments.routes import routing_of
from services.interactions.routing.assignments.schemas import (
    Assignment,
    CaseClaimRequest,
    CaseRouting,
    CaseTransferRequest,
)
from services.interactions.routing.queries.agents import facts_of_agent
from services.interactions.routing.queries.assignments import begin_assignment, end_assignment, open_assignment
from services.interactions.routing.queries.dispatching import dispatch_cases
from services.interactions.routing.queries.following import follow_case
from services.interactions.routing.queries.locking import lock_routing
from services.interactions.routing.queries.waiting import choose_queue, enter_queue, leave_queue
from services.interactions.routing.rules.ranking import AgentFacts

feature = Feature("assignments")
FORCE_SCOPE = "interactions:configure"


@feature.post(
    "/cases/{id:uuid}/claim",
    scope="interactions:write",
    raises=[AgentAtCapacity, CaseAlreadyAssigned, CaseNotOpen, MissingScope, VersionMismatch],
)
async def claim_case(work: Work, id: UUID, body: CaseClaimRequest, if_match: IfMatch) -> Assignment:
    """Let an agent take a case that no agent has, whether or not it waits in a queue.

    Of two agents that claim it at once, one gets it. Claiming a case that the agent already has changes nothing.
    """
    case = await _lock_open_case(work, id, if_match)
    agent = await _agent(work, body.agent_id)
    if case.agent_id not in (None, body.agent_id):
        raise CaseAlreadyAssigned(agent_id=case.agent_id)
    assignment = await open_assignment(work, id)
    if assignment is not None and assignment.agent_id == body.agent_id:
        return Assignment.at(assignment, work.now)
    forced = _check_capacity(work, agent, case.channel, force=body.force)
    waiting = await work.find(tables.QueuedCase, case_id=id, for_update=True)
    queue_id = None if waiting is None else waiting.queue_id
    begun = await begin_assignment(work, case, body.agent_id, "claimed", queue_id=queue_id, forced=forced)
    return Assignment.at(begun, work.now)


@feature.post(
    "/cases/{id:uuid}/transfer",
    scope="interactions:write",
    raises=[AgentAtCapacity, CaseNotOpen, MissingScope, RecordTooLarge, VersionMismatch],
)
async def transfer_case(work: Work, id: UUID, body: CaseTransferRequest, if_match: IfMatch) -> CaseRouting:
    """Hand a case over to an agent, a team or a queue, with the reason.

    In a queue, or for a team, the case waits for another agent than the one that had it.
    """
    case = await _lock_open_case(work, id, if_match)
    if body.agent_id is not None:
        await _transfer_to_agent(work, case, body)
    else:
        await _transfer_to_queue(work, case, body)
    await dispatch_cases(work)
    return await routing_of(work, id)


@feature.post("/assignments/{id:uuid}/finish", scope="interactions:write", raises=[CaseInProgress])
async def finish_wrap_up(work: Work, id: UUID) -> Assignment:
    """End the wrap-up of an assignment, so that it takes no capacity. One that has ended does not change."""
    assignment = await work.get(tables.Assignment, id)
    await lock_routing(work)
    await follow_case(work, assignment.case_id)  # the event of the resolution may still be on its way
    assignment = await work.get(tables.Assignment, id, for_update=True)
    if assignment.state == "active":
        raise CaseInProgress
    if assignment.state == "wrap_up":
        assignment = await end_assignment(work, assignment, "wrapped_up")
    await dispatch_cases(work)
    return Assignment.at(assignment, work.now)


async def _lock_open_case(work: UnitOfWork, id: UUID, if_match: IfMatch) -> SupportCase:
    """Lock the routing of the tenant, and lock and return a case that is open."""
    await lock_routing(work)
    case = await work.get(SupportCase, id, for_update=True)
    work.check_version(case, if_match)
    if case.state in ENDED:
        raise CaseNotOpen(f"The case is {case.state}.", state=case.state)
    return case


async def _agent(work: UnitOfWork, agent_id: str) -> AgentFacts:
    agent = await facts_of_agent(work, agent_id)
    if agent is None:
        raise ValidationFailed.field("/agent_id", UNKNOWN_RECORD, "no agent with this id has a profile")
    return agent


def _check_capacity(work: UnitOfWork, agent: AgentFacts, channel: str, *, force: bool) -> bool:
    """Return whether a case exceeds the capacity of its agent by force. Raises AgentAtCapacity and MissingScope."""
    if force:
        work.caller.require(FORCE_SCOPE)
    if agent.has_capacity(channel):
        return False
    if not force:
        raise AgentAtCapacity(
            agent_id=agent.agent_id,
            channel=channel,
            capacity=agent.capacity_in(channel),
            open_assignments=agent.open_by_channel.get(channel, 0),
        )
    return True


async def _transfer_to_agent(work: UnitOfWork, case: SupportCase, body: CaseTransferRequest) -> None:
    assert body.agent_id is not None
    agent = await _agent(work, body.agent_id)
    assignment = await open_assignment(work, case.id)
    if case.agent_id == body.agent_id and assignment is not None and assignment.agent_id == body.agent_id:
        return
    forced = _check_capacity(work, agent, case.channel, force=body.force)
    if assignment is not None:
        await end_assignment(work, assignment, "transferred")
    await begin_assignment(work, case, body.agent_id, "transferred", forced=forced, reason=body.reason)


async def _transfer_to_queue(work: UnitOfWork, case: SupportCase, body: CaseTransferRequest) -> None:
    """Take a case from its agent and let it wait: in the queue that is named, or for a team in that which it enters."""
    if body.queue_id is not None and await work.find(tables.Queue, id=body.queue_id) is None:
        raise ValidationFailed.field("/queue_id", UNKNOWN_RECORD, "no queue has this id")
    assignment = await open_assignment(work, case.id)
    if assignment is not None:
        await end_assignment(work, assignment, "transferred")
    changes = {"agent_id": None, "team": body.team}
    left = case.agent_id
    case = await assign_case(work, case, changes, reason=body.reason)
    queue_id = body.queue_id
    if queue_id is None:
        queue = await choose_queue(work, case)
        queue_id = None if queue is None else queue.id
    if queue_id is None:
        await leave_queue(work, case.id)
    else:
        await enter_queue(work, case, queue_id, left_agent_id=left)
