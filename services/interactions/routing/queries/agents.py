"""Agents with the capacity that they have left."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from chassis import Query, UnitOfWork
from services.interactions.routing import tables
from services.interactions.routing.rules.agents import capacity_in, levels_at
from services.interactions.routing.rules.ranking import AgentFacts


@dataclass(frozen=True, slots=True)
class ChannelLoad:
    """How many assignments of an agent take capacity in a channel."""

    agent_id: str
    channel: str
    count: int


async def present_agents(work: UnitOfWork) -> list[AgentFacts]:
    """Return the agents who are online or away, by id."""
    agents = await work.fetch(_PRESENT)
    return await _facts(work, agents)


async def facts_of_agent(work: UnitOfWork, agent_id: str) -> AgentFacts | None:
    """Return an agent by an id of the tenant's own, or None without a profile."""
    agents = await work.fetch(_OF_ID, agent_id=agent_id)
    return next(iter(await _facts(work, agents)), None)


async def _facts(work: UnitOfWork, agents: Iterable[tables.Agent]) -> list[AgentFacts]:
    named = {agent.agent_id: agent for agent in agents}
    loads: dict[str, dict[str, int]] = {}
    for load in await work.fetch(_LOADS, agent_ids=list(named), now=work.now):
        loads.setdefault(load.agent_id, {})[load.channel] = load.count
    return [
        AgentFacts(
            agent_id=agent.agent_id,
            is_online=agent.presence == "online",
            team=agent.team,
            languages=agent.languages,
            levels=levels_at(agent.skills, work.now, work.tenant.timezone),
            capacity_in=partial(capacity_in, capacity=agent.capacity, capacities=agent.capacities),
            open_by_channel=loads.get(agent.agent_id, {}),
            idle_since=agent.idle_since,
        )
        for agent in named.values()
    ]


_PRESENT = Query(tables.Agent, "select * from agent where presence in ('online', 'away') order by id")
_OF_ID = Query(tables.Agent, "select * from agent where agent_id = :agent_id")
_LOADS = Query(
    ChannelLoad,
    """
    select agent_id, channel, count(*) as count from case_assignment
    where agent_id = any(:agent_ids) and state <> 'ended' and (state = 'active' or wrap_up_until > :now)
    group by agent_id, channel
    """,
)
