"""The vocabularies of assignments, their state at a time, and the explanation of a decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

from services.interactions.routing.rules.queues import RequiredSkillDocument
from services.interactions.routing.rules.ranking import Candidate, Ineligibility

AssignmentState = TypeAliasType("AssignmentState", Literal["active", "wrap_up", "ended"])
AssignmentOrigin = TypeAliasType("AssignmentOrigin", Literal["dispatched", "claimed", "transferred", "by_hand"])
AssignmentEnd = TypeAliasType(
    "AssignmentEnd", Literal["resolved", "wrapped_up", "reassigned", "unassigned", "transferred"]
)
MAX_CANDIDATES = 20


class CandidateDocument(TypedDict):
    """A candidate, as stored."""

    agent_id: str
    rank: int | None
    reasons: list[Ineligibility]
    is_owner: bool
    excess_levels: int
    open_assignments: int
    idle_since: str


class DecisionDocument(TypedDict):
    """An explanation of a decision, as stored. `candidates` has the first of them."""

    queue_id: str
    decided_at: str
    waited_seconds: int
    required_skills: list[RequiredSkillDocument]
    language: str | None
    candidate_count: int
    candidates: list[CandidateDocument]


def state_at(state: AssignmentState, wrap_up_until: datetime | None, now: datetime) -> AssignmentState:
    """Return the state of an assignment at a time: a wrap-up whose time is over has ended."""
    return "ended" if state == "wrap_up" and wrap_up_until is not None and wrap_up_until <= now else state


def documents_of(candidates: Sequence[Candidate]) -> list[CandidateDocument]:
    """Return the first candidates, as stored."""
    return [
        {
            "agent_id": each.agent_id,
            "rank": each.rank,
            "reasons": list(each.reasons),
            "is_owner": each.is_owner,
            "excess_levels": each.excess,
            "open_assignments": each.load,
            "idle_since": each.idle_since.isoformat(),
        }
        for each in candidates[:MAX_CANDIDATES]
    ]


def decision_of(
    queue_id: object,
    now: datetime,
    entered_at: datetime,
    levels: Mapping[str, int],
    language: str | None,
    candidates: Sequence[Candidate],
) -> DecisionDocument:
    """Return the explanation of a decision."""
    return {
        "queue_id": str(queue_id),
        "decided_at": now.isoformat(),
        "waited_seconds": int((now - entered_at).total_seconds()),
        "required_skills": [{"skill": skill, "level": level} for skill, level in sorted(levels.items())],
        "language": language,
        "candidate_count": len(candidates),
        "candidates": documents_of(candidates),
    }
