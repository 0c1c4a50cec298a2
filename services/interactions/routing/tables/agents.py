"""Agents."""

from datetime import datetime
from typing import ClassVar

from chassis import Versioned, check, choice, document, index, text_list, timestamp, unique
from services.interactions.base import Base
from services.interactions.routing.rules.agents import AgentPresence, ChannelCapacityDocument, SkillDocument


class Agent(Versioned, Base, table=True):
    """An agent of the tenant. `agent_id` is the id of the tenant's own by which cases and tasks name the agent.

    `idle_since` is the last time at which the agent got a case or came online.
    """

    __tablename__ = "agent"
    __table_args__ = (
        unique("agent_id"),
        check("capacity", "capacity >= 0"),
        index("presence", "id"),
        index("team", "id"),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("idle_since",))

    agent_id: str
    name: str
    team: str | None = None
    languages: list[str] = text_list()
    skills: list[SkillDocument] = document(default_factory=list)
    capacity: int
    capacities: list[ChannelCapacityDocument] = document(default_factory=list)
    presence: AgentPresence = choice(AgentPresence, "presence", default="offline")
    presence_since: datetime = timestamp()
    idle_since: datetime = timestamp()
