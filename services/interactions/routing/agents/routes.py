"""The operations on agents."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    IfMatch,
    Page,
    PageParams,
    RecordTooLarge,
    Reference,
    ShortLine,
    UnitOfWork,
    VersionMismatch,
    Work,
    equals,
    json,
    paginate,
)
from services.interactions.routing import tables
from services.interactions.routing.agents.events import AgentExists, AgentPresenceChanged
from services.interactions.routing.agents.schemas import Agent, AgentCreate, AgentPresenceRequest, AgentUpdate
from services.interactions.routing.queries.dispatching import dispatch_cases
from services.interactions.routing.queries.locking import lock_routing
from services.interactions.routing.rules.agents import AgentPresence

feature = Feature("agents")


@feature.post("/agents", scope="interactions:configure", status_code=201, raises=[AgentExists, RecordTooLarge])
async def create_agent(work: Work, body: AgentCreate) -> Agent:
    """Create the profile of an agent, at first offline. Cases and tasks may name agents without a profile as well."""
    if work.is_retry:  # the unique constraint has found the agent
        await _reject_existing(work, body.agent_id)
    row = tables.Agent(**_stored(body.values()), presence_since=work.now, idle_since=work.now)
    return Agent.from_row(await work.insert(row))


@feature.get("/agents", scope="interactions:read")
async def list_agents(
    work: Work,
    params: PageParams,
    agent_id: Annotated[Reference | None, Parameter(description="Only this agent, by an id of your own.")] = None,
    team: Annotated[ShortLine | None, Parameter(description="Only agents of this team.")] = None,
    presence: Annotated[AgentPresence | None, Parameter(description="Only agents with this presence.")] = None,
) -> Page[Agent]:
    """List agents, oldest profiles first."""
    where = equals(agent_id=agent_id, team=team, presence=presence)
    return await paginate(work, params, tables.Agent, Agent, where=where)


@feature.get("/agents/{id:uuid}", scope="interactions:read")
async def read_agent(work: Work, id: UUID) -> Agent:
    """Return the profile of an agent."""
    return Agent.from_row(await work.get(tables.Agent, id))


@feature.patch("/agents/{id:uuid}", scope="interactions:configure", raises=[RecordTooLarge, VersionMismatch])
async def update_agent(work: Work, id: UUID, body: AgentUpdate, if_match: IfMatch) -> Agent:
    """Change the fields that are named. A lower capacity takes no assignment away."""
    await lock_routing(work)  # before the agent, as a dispatch does
    before = await work.get(tables.Agent, id, for_update=True)
    work.check_version(before, if_match)
    values = _stored(body.changes())
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    agent = await work.update(before, **changes)
    await dispatch_cases(work)
    return Agent.from_row(agent)


@feature.put("/agents/{id:uuid}/presence", scope="interactions:write", raises=[VersionMismatch])
async def set_agent_presence(work: Work, id: UUID, body: AgentPresenceRequest, if_match: IfMatch) -> Agent:
    """Set the presence of an agent. One that comes online gets waiting cases at once.

    The same presence again changes nothing, also not since when it has held.
    """
    await lock_routing(work)  # before the agent, as a dispatch does
    before = await work.get(tables.Agent, id, for_update=True)
    work.check_version(before, if_match)
    if body.presence == before.presence:
        return Agent.from_row(before)
    idle_since = work.now if body.presence == "online" else before.idle_since
    agent = await work.update(before, presence=body.presence, presence_since=work.now, idle_since=idle_since)
    work.publish(AgentPresenceChanged.from_row(agent, profile_id=id, previous_presence=before.presence))
    await dispatch_cases(work)
    return Agent.from_row(agent)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are stored: an absent list is empty, and no language is repeated."""
    stored = dict(values)
    for name in ("languages", "capacities", "skills"):
        if name in stored:
            stored[name] = list(stored[name] or ())
    if "languages" in stored:
        stored["languages"] = list(dict.fromkeys(stored["languages"]))
    if "skills" in stored:
        stored["skills"] = [each | {"valid_until": _day(each["valid_until"])} for each in stored["skills"]]
    return stored


def _day(value: Any) -> str | None:
    return None if value is None else value.isoformat()


async def _reject_existing(work: UnitOfWork, agent_id: str) -> None:
    holder = await work.find(tables.Agent, agent_id=agent_id)
    if holder is not None:
        raise AgentExists(f"The agent {agent_id} has a profile.", profile_id=str(holder.id), pointer="/agent_id")
