"""Cases that wait for an agent, and the assignments of cases to agents."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from chassis import belongs_to, bigint, check, choice, document, index, timestamp, unique
from services.interactions.base import Base
from services.interactions.helpdesk.rules.cases import CasePriority
from services.interactions.routing.rules.assignments import (
    AssignmentEnd,
    AssignmentOrigin,
    AssignmentState,
    DecisionDocument,
)


class QueuedCase(Base, table=True):
    """A case that waits for an agent. `rank` orders cases by priority and age, the first of them lowest.

    `left_agent_id` is the agent that has handed the case over, and does not get it back from the same queue.
    """

    __tablename__ = "queued_case"
    __table_args__ = (
        belongs_to("case_id", "support_case", cascade=True),
        belongs_to("queue_id", "routing_queue"),
        unique("case_id"),
        index("rank", "id"),
        index("queue_id", "rank", "id"),
    )

    case_id: UUID
    queue_id: UUID
    priority: CasePriority = choice(CasePriority, "priority")
    rank: int = bigint()
    left_agent_id: str | None = None
    queued_at: datetime = timestamp()
    """When the case began to wait, in any queue."""
    entered_at: datetime = timestamp()
    """When it entered this queue."""


class Assignment(Base, table=True):
    """A case of an agent. It takes capacity until it has ended. A case has one at a time."""

    __tablename__ = "case_assignment"
    __table_args__ = (
        belongs_to("case_id", "support_case", cascade=True),
        belongs_to("queue_id", "routing_queue"),
        index("case_id", name="uq_case_assignment_open", unique=True, postgresql_where=text("state <> 'ended'")),
        index("case_id", "id"),
        index("agent_id", "id"),
        index("queue_id", "id"),
        index("agent_id", "channel", name="ix_case_assignment_load", postgresql_where=text("state <> 'ended'")),
        index("wrap_up_until", "id", postgresql_where=text("state = 'wrap_up'")),
        check("wrap_up", "state <> 'wrap_up' or wrap_up_until is not null"),
        check("ended", "(state = 'ended') = (ended_at is not null) and (ended_at is null) = (ended_because is null)"),
    )

    case_id: UUID
    agent_id: str
    queue_id: UUID | None = None
    channel: str
    origin: AssignmentOrigin = choice(AssignmentOrigin, "origin")
    forced: bool = False
    state: AssignmentState = choice(AssignmentState, "state", default="active")
    assigned_at: datetime = timestamp()
    wrap_up_since: datetime | None = timestamp(nullable=True, default=None)
    wrap_up_until: datetime | None = timestamp(nullable=True, default=None)
    ended_at: datetime | None = timestamp(nullable=True, default=None)
    ended_because: AssignmentEnd | None = choice(AssignmentEnd, "ended_because", nullable=True, default=None)
    decision: DecisionDocument | None = document(default=None)
