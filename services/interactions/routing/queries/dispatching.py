"""Dispatch: waiting cases are given to eligible agents.

The routing of the tenant is locked, so no other transaction counts the same capacity or chooses the same case. A case
is read again under its own lock, because an agent may have been put in charge of it by hand in the meantime.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Query, UnitOfWork
from services.interactions.helpdesk.rules.cases import ENDED
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing.queries.agents import present_agents
from services.interactions.routing.queries.assignments import begin_assignment
from services.interactions.routing.queries.locking import lock_routing
from services.interactions.routing.queries.waiting import leave_queue, overflow_cases
from services.interactions.routing.rules.assignments import DecisionDocument, decision_of
from services.interactions.routing.rules.queues import required_levels
from services.interactions.routing.rules.ranking import AgentFacts, Candidate, Requirements, rank_agents

MAX_ASSIGNMENTS = 100
"""How many cases a transaction assigns. The worker continues soon after."""
PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that waits, with the facts on which its agent depends."""

    id: UUID
    rank: int
    case_id: UUID
    queue_id: UUID
    queued_at: datetime
    entered_at: datetime
    left_agent_id: str | None
    channel: str
    team: str | None
    required_skills: Any
    relaxations: Any
    requires_language: bool
    language: str | None
    owner_id: str | None

    def requirements(self, now: datetime) -> Requirements:
        """Return what the case asks of its agent at a time."""
        return Requirements(
            channel=self.channel,
            levels=required_levels(self.required_skills, self.relaxations, now - self.entered_at),
            language=self.language if self.requires_language else None,
            team=self.team,
            owner_id=self.owner_id,
            left_agent_id=self.left_agent_id,
        )

    def decision(self, now: datetime, case: Requirements, candidates: list[Candidate]) -> DecisionDocument:
        """Return the explanation of a decision about the case."""
        return decision_of(self.queue_id, now, self.entered_at, case.levels, case.language, candidates)


async def dispatch_cases(work: UnitOfWork) -> bool:
    """Give waiting cases to agents, the most urgent and oldest first. Returns whether there may be more to assign."""
    await lock_routing(work)
    await overflow_cases(work)
    agents = {agent.agent_id: agent for agent in await present_agents(work)}
    hopeless: set[tuple[Any, ...]] = set()
    assigned, after = 0, (-1, UUID(int=0))
    while any(agent.is_online for agent in agents.values()):
        page = await work.fetch(_WAITING, rank=after[0], id=after[1], page_size=PAGE_SIZE)
        for waiting in page:
            if assigned == MAX_ASSIGNMENTS:
                return True
            assigned += await _assign(work, waiting, agents, hopeless)
        if len(page) < PAGE_SIZE:
            break
        after = page[-1].rank, page[-1].id
    return False


async def _assign(
    work: UnitOfWork, waiting: WaitingCase, agents: dict[str, AgentFacts], hopeless: set[tuple[Any, ...]]
) -> bool:
    """Give a case to the first of its candidates. Returns whether there was one.

    Capacity only shrinks during a dispatch, so cases with the same requirements as a hopeless one need no look.
    """
    case = waiting.requirements(work.now)
    if case.signature in hopeless:
        return False
    candidates = rank_agents(case, agents.values())
    if not candidates or candidates[0].rank is None:
        hopeless.add(case.signature)
        return False
    row = await work.get(SupportCase, waiting.case_id, for_update=True)
    if row.agent_id is not None or row.state in ENDED:
        await leave_queue(work, row.id)
        return False
    agent_id = candidates[0].agent_id
    decision = waiting.decision(work.now, case, candidates)
    await begin_assignment(work, row, agent_id, "dispatched", queue_id=waiting.queue_id, decision=decision)
    agents[agent_id] = agents[agent_id].with_assignment(waiting.channel, work.now)
    return True


async def explain_waiting(work: UnitOfWork, case_id: UUID) -> tuple[WaitingCase, DecisionDocument] | None:
    """Return a case that waits, and how its candidates would be judged now, or None if it does not wait."""
    waiting = next(iter(await work.fetch(_WAITING_CASE, case_id=case_id)), None)
    if waiting is None:
        return None
    case = waiting.requirements(work.now)
    candidates = rank_agents(case, await present_agents(work))
    return waiting, waiting.decision(work.now, case, candidates)


_COLUMNS = """
    select queued_case.id, rank, case_id, queue_id, queued_at, entered_at, left_agent_id, support_case.channel,
        support_case.team, required_skills, relaxations, requires_language, customer_profile.languages[1] as language,
        customer_profile.owner_id
    from queued_case
    join routing_queue on routing_queue.id = queue_id
    join support_case on support_case.id = case_id
    left join customer_profile on customer_profile.id = support_case.customer_id
"""
_WAITING = Query(
    WaitingCase,
    f"{_COLUMNS} where (rank, queued_case.id) > (:rank, :id) order by rank, queued_case.id limit :page_size",
)
_WAITING_CASE = Query(WaitingCase, f"{_COLUMNS} where case_id = :case_id")
