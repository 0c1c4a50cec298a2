"""Request and response bodies of assignments."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import StrictBool, model_validator

from chassis import MultilineText, Reference, RequestBody, Resource, ShortLine
from services.interactions.routing import tables
from services.interactions.routing.rules.assignments import (
    AssignmentEnd,
    AssignmentOrigin,
    AssignmentState,
    state_at,
)
from services.interactions.routing.rules.ranking import Ineligibility


class RequiredLevel(Resource):
    """A skill that the case required, at the level to which it was relaxed by then."""

    skill: str
    """The skill."""
    level: int
    """The lowest level that was enough."""


class RoutingCandidate(Resource):
    """An agent as a candidate for a case."""

    agent_id: str
    """The agent, by an id of your own."""
    rank: int | None
    """The rank among the eligible agents: 1 gets the case. Null for an agent that is not eligible."""
    reasons: list[Ineligibility]
    """Why the agent is not eligible. Empty for an eligible one."""
    is_owner: bool
    """Whether it is the customer's own agent, who precedes all others."""
    excess_levels: int
    """By how many levels the agent exceeds the required ones in total. Fewer precede."""
    open_assignments: int
    """How many assignments the agent had in all channels. Fewer precede."""
    idle_since: datetime
    """When the agent last got a case or came online. Earlier ones precede."""


class RoutingDecision(Resource):
    """How the candidates for a case were judged."""

    queue_id: UUID
    """The queue in which the case waited."""
    decided_at: datetime
    """When they were judged."""
    waited_seconds: int
    """For how many seconds the case had waited in this queue."""
    required_skills: list[RequiredLevel]
    """The skills that it required by then."""
    language: str | None
    """The language that it required, or null."""
    candidate_count: int
    """How many candidates there were: the agents who were online or away."""
    candidates: list[RoutingCandidate]
    """The first 20 of them, the eligible ones before the others."""


class Assignment(Resource, row=tables.Assignment):
    """A case of an agent."""

    id: UUID
    """Identifies the assignment."""
    case_id: UUID
    """The case."""
    agent_id: str
    """The agent, by an id of your own."""
    queue_id: UUID | None
    """The queue in which the case waited, or null."""
    channel: str
    """The channel in which it takes capacity."""
    origin: AssignmentOrigin
    """How it began: dispatched from a queue, claimed by the agent, transferred, or by hand."""
    forced: bool
    """Whether it began although the agent had no capacity left."""
    state: AssignmentState
    """Active, in wrap-up after the case was resolved, or ended. The first two take capacity."""
    assigned_at: datetime
    """When it began."""
    wrap_up_since: datetime | None
    """When the case was resolved and the wrap-up began, or null."""
    wrap_up_until: datetime | None
    """When the wrap-up ends by itself, or null."""
    ended_at: datetime | None
    """When it ended, or null."""
    ended_because: AssignmentEnd | None
    """Why it ended, or null."""
    decision: RoutingDecision | None
    """How the agent was chosen. Null if it was not dispatched."""

    @classmethod
    def at(cls, row: tables.Assignment, now: datetime) -> Self:
        """Return the resource of a row at a time: a wrap-up whose time is over has ended, as the worker stores it."""
        if row.state == state_at(row.state, row.wrap_up_until, now):
            return cls.from_row(row)
        return cls.from_row(row.replace(state="ended", ended_at=row.wrap_up_until, ended_because="wrapped_up"))


class CaseWaiting(Resource):
    """A case that waits for an agent."""

    queue_id: UUID
    """The queue."""
    queued_at: datetime
    """When it began to wait, in any queue."""
    entered_at: datetime
    """When it entered this queue."""
    decision: RoutingDecision
    """How the candidates would be judged now. While the case waits, none of them is eligible."""


class CaseRouting(Resource):
    """The routing of a case: the queue in which it waits, and its assignments with their reasons."""

    case_id: UUID
    """The case."""
    waiting: CaseWaiting | None
    """The queue in which it waits, or null if it does not wait."""
    assignments: list[Assignment]
    """The newest 20 assignments, the newest first."""


class CaseClaimRequest(RequestBody):
    """The agent that claims a case."""

    example = {"agent_id": "agent-7"}

    agent_id: Reference
    """The agent, by an id of your own. It needs a profile."""
    force: StrictBool = False
    """Whether the agent may exceed its capacity. It needs the scope `interactions:configure`."""


class CaseTransferRequest(RequestBody):
    """The agent, the team or the queue to which a case goes."""

    example = {"team": "repairs", "reason": "It needs a certified engineer."}

    agent_id: Reference | None = None
    """The agent, by an id of your own. It needs a profile."""
    team: ShortLine | None = None
    """The team. The case waits until one of its agents gets it."""
    queue_id: UUID | None = None
    """The queue, in which the case waits for any agent."""
    reason: MultilineText
    """Why. The history of the case keeps it."""
    force: StrictBool = False
    """Whether the agent may exceed its capacity. It needs the scope `interactions:configure`."""

    @model_validator(mode="after")
    def _require_one_target(self) -> Self:
        if [self.agent_id, self.team, self.queue_id].count(None) != 2:
            raise ValueError("send one of agent_id, team and queue_id")
        return self
