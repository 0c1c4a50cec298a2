"""Request and response bodies of agents."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, field_validator

from chassis import Day, FieldCode, Fields, Line, MergePatch, Reference, RequestBody, Resource, ShortLine, invalid
from services.interactions.routing import tables
from services.interactions.routing.rules.agents import MAX_CAPACITY, MAX_LEVEL, AgentPresence
from services.interactions.routing.rules.languages import Language

REPEATED_SKILL = FieldCode("repeated_skill", "Two skills have the same name.", "Send each skill once.")
REPEATED_CHANNEL = FieldCode("repeated_channel", "Two capacities are of the same channel.", "Send each channel once.")

Level = Annotated[int, Field(strict=True, ge=1, le=MAX_LEVEL)]
Capacity = Annotated[int, Field(strict=True, ge=0, le=MAX_CAPACITY)]


class SkillFields(Fields):
    """A skill."""

    skill: ShortLine
    """The skill, such as `boilers`. Queues name it in the same spelling."""
    level: Level
    """How good the agent is at it, from 1 to 5."""


class AgentSkillCreate(SkillFields, MergePatch):
    """A skill."""

    never_null: ClassVar[frozenset[str]] = frozenset(("skill", "level"))

    valid_until: Day | None = None
    """The last day of the certificate behind it, in the time zone of the tenant. The skill does not count after it."""


class AgentSkill(SkillFields, Resource):
    """A skill."""

    valid_until: date | None
    """The last day of the certificate behind it, in the time zone of the tenant, or null."""


class ChannelCapacityFields(Fields):
    """The capacity in a channel."""

    channel: ShortLine
    """The channel, such as `phone`."""
    capacity: Capacity
    """How many assignments the agent may have in it at once."""


class ChannelCapacityCreate(ChannelCapacityFields, RequestBody):
    """The capacity in a channel."""


class ChannelCapacity(ChannelCapacityFields, Resource):
    """The capacity in a channel."""


class AgentValues(Fields):
    """The fields that are absent or null if nothing is said."""

    team: ShortLine | None = None
    """The team."""
    languages: Annotated[list[Language] | None, Field(max_length=20)] = None
    """The languages that the agent speaks, as tags of BCP 47. Default: none."""
    skills: Annotated[list[AgentSkillCreate] | None, Field(max_length=100)] = None
    """The skills. Default: none."""
    capacities: Annotated[list[ChannelCapacityCreate] | None, Field(max_length=50)] = None
    """The capacities in channels that have one of their own. Default: none."""

    @field_validator("skills")
    @classmethod
    def _reject_repeated_skills(cls, skills: Sequence[AgentSkillCreate] | None) -> Sequence[AgentSkillCreate] | None:
        if repeated := [name for name, count in Counter(each.skill for each in skills or ()).items() if count > 1]:
            raise invalid(REPEATED_SKILL, f"{repeated[0]} is stated twice")
        return skills

    @field_validator("capacities")
    @classmethod
    def _reject_repeated_channels(
        cls, capacities: Sequence[ChannelCapacityCreate] | None
    ) -> Sequence[ChannelCapacityCreate] | None:
        counts = Counter(each.channel for each in capacities or ())
        if repeated := [name for name, count in counts.items() if count > 1]:
            raise invalid(REPEATED_CHANNEL, f"{repeated[0]} is stated twice")
        return capacities


class AgentCreate(AgentValues, RequestBody):
    """An agent to create."""

    example = {
        "agent_id": "agent-12",
        "name": "Lin",
        "team": "repairs",
        "languages": ["nl", "en"],
        "skills": [{"skill": "boilers", "level": 4, "valid_until": "2027-06-30"}, {"skill": "billing", "level": 2}],
        "capacity": 4,
        "capacities": [{"channel": "phone", "capacity": 1}],
    }

    agent_id: Reference
    """The id of your own by which cases and tasks name the agent. It does not change."""
    name: Line
    """The name."""
    capacity: Capacity = 5
    """How many assignments the agent may have at once in each channel without a capacity of its own."""


class AgentUpdate(AgentValues, MergePatch):
    """Fields to change: null clears a field, and lists are replaced as a whole. The presence has its own operation."""

    example = {"capacity": 3}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "capacity"))

    name: Line | None = None
    """The name."""
    capacity: Capacity | None = None
    """How many assignments the agent may have at once in each channel without a capacity of its own."""


class AgentPresenceRequest(RequestBody):
    """The presence of an agent."""

    example = {"presence": "online"}

    presence: AgentPresence
    """Only an agent that is online gets cases. One that is away or offline keeps those in progress."""


class Agent(Resource, row=tables.Agent, etag="version"):
    """An agent of the tenant."""

    id: UUID
    """Identifies the profile."""
    version: int
    """Counts the changes. It is the ETag."""
    agent_id: str
    """The id of your own by which cases and tasks name the agent."""
    name: str
    """The name."""
    team: str | None
    """The team, or null."""
    languages: list[str]
    """The languages that the agent speaks, as tags of BCP 47."""
    skills: list[AgentSkill]
    """The skills."""
    capacity: int
    """How many assignments the agent may have at once in each channel without a capacity of its own."""
    capacities: list[ChannelCapacity]
    """The capacities in channels that have one of their own."""
    presence: AgentPresence
    """Online, away or offline."""
    presence_since: datetime
    """Since when the agent has had this presence."""
    created_at: datetime
    """When the profile was created."""
    updated_at: datetime
    """When it last changed."""
