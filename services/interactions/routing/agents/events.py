"""The event and the problem of agents."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.interactions.routing.rules.agents import AgentPresence


class AgentPresenceChanged(Event, type="interactions.agent_presence_changed.v1", partition_key="profile_id"):
    """An agent came online, went away or went offline. The name is read from the API."""

    profile_id: UUID
    """The profile of the agent."""
    agent_id: Annotated[str, Field(examples=["agent-7"])]
    """The agent, by an id of your own."""
    team: Annotated[str | None, Field(examples=["repairs"])]
    """The team, or null."""
    presence: AgentPresence
    """The presence."""
    previous_presence: AgentPresence
    """The presence before."""
    presence_since: datetime
    """When it changed."""


class AgentExists(Problem, status=409):
    """Another profile already has this agent.

    `profile_id` is that profile. Change it instead.
    """
