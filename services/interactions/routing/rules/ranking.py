"""Which agents are eligible for a case, and which of them is first. Plain values in, plain values out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from typing_extensions import TypeAliasType

from services.interactions.helpdesk.rules.cases import CasePriority
from services.interactions.routing.rules.languages import speaks

Ineligibility = TypeAliasType(
    "Ineligibility",
    Literal["not_online", "no_capacity", "missing_skill", "other_language", "other_team", "transferred_it"],
)
"""Why an agent is not eligible for a case. `transferred_it`: the agent has just handed it over."""
URGENCY: Mapping[CasePriority, int] = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_PRIORITY = 10**17
"""More microseconds than there are from the epoch to the year 5000."""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """An agent, as far as routing needs it. `open_by_channel` counts the assignments that take capacity."""

    agent_id: str
    is_online: bool
    team: str | None
    languages: Sequence[str]
    levels: Mapping[str, int]
    capacity_in: Callable[[str], int]
    open_by_channel: Mapping[str, int]
    idle_since: datetime

    @property
    def load(self) -> int:
        """Return the number of open assignments in all channels."""
        return sum(self.open_by_channel.values())

    def has_capacity(self, channel: str) -> bool:
        """Return whether the agent may get another case of a channel."""
        return self.open_by_channel.get(channel, 0) < self.capacity_in(channel)

    def with_assignment(self, channel: str, now: datetime) -> "AgentFacts":
        """Return the agent with another case of a channel."""
        count = self.open_by_channel.get(channel, 0) + 1
        return replace(self, open_by_channel={**self.open_by_channel, channel: count}, idle_since=now)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a case asks of its agent. A language or a team of None is any."""

    channel: str
    levels: Mapping[str, int]
    language: str | None
    team: str | None
    owner_id: str | None
    """The customer's own agent, who precedes all others."""
    left_agent_id: str | None
    """The agent that has just handed the case over."""

    @property
    def signature(self) -> tuple[Any, ...]:
        """Return a key that cases with the same candidates share."""
        levels = tuple(sorted(self.levels.items()))
        return self.channel, levels, self.language, self.team, self.owner_id, self.left_agent_id


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as a candidate for a case. `rank` is 1 for the agent that gets it, and None without eligibility."""

    agent_id: str
    rank: int | None
    reasons: tuple[Ineligibility, ...]
    is_owner: bool
    excess: int
    """By how many levels the agent exceeds the requirements, in all of their skills."""
    load: int
    idle_since: datetime


def rank_of_case(priority: CasePriority, opened_at: datetime) -> int:
    """Return a number by which waiting cases are ordered: the urgent ones first, and of these the oldest."""
    return URGENCY[priority] * _PER_PRIORITY + (opened_at - _EPOCH) // timedelta(microseconds=1)


def rank_agents(case: Requirements, agents: Iterable[AgentFacts]) -> list[Candidate]:
    """Return a candidate for each agent: the eligible ones by rank, then the others by id.

    The customer's own agent precedes all others. Then come the least over-qualified, the least loaded, the longest
    idle, and the lowest id.
    """
    candidates = [_candidate(case, agent) for agent in agents]
    eligible = sorted((each for each in candidates if not each.reasons), key=_order)
    others = sorted((each for each in candidates if each.reasons), key=lambda each: each.agent_id)
    return [replace(each, rank=rank) for rank, each in enumerate(eligible, 1)] + others


def _order(candidate: Candidate) -> tuple[Any, ...]:
    return not candidate.is_owner, candidate.excess, candidate.load, candidate.idle_since, candidate.agent_id


def _candidate(case: Requirements, agent: AgentFacts) -> Candidate:
    excess = sum(max(agent.levels.get(skill, 0) - level, 0) for skill, level in case.levels.items())
    return Candidate(
        agent_id=agent.agent_id,
        rank=None,
        reasons=_reasons(case, agent),
        is_owner=case.owner_id is not None and agent.agent_id == case.owner_id,
        excess=excess,
        load=agent.load,
        idle_since=agent.idle_since,
    )


def _reasons(case: Requirements, agent: AgentFacts) -> tuple[Ineligibility, ...]:
    fails: dict[Ineligibility, bool] = {
        "not_online": not agent.is_online,
        "no_capacity": not agent.has_capacity(case.channel),
        "missing_skill": any(agent.levels.get(skill, 0) < level for skill, level in case.levels.items()),
        "other_language": case.language is not None and not speaks(agent.languages, case.language),
        "other_team": case.team is not None and agent.team != case.team,
        "transferred_it": case.left_agent_id == agent.agent_id,
    }
    return tuple(reason for reason, failed in fails.items() if failed)
