"""Ranking: the eligible agents are exact, the order is that of an independent model, and no input order matters."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.routing.rules.agents import capacity_in
from services.interactions.routing.rules.assignments import MAX_CANDIDATES, documents_of, state_at
from services.interactions.routing.rules.ranking import AgentFacts, Requirements, rank_agents, rank_of_case

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
SKILLS, CHANNELS, LANGUAGES, TEAMS = ["boilers", "gas", "tea"], ["phone", "email"], ["nl", "en"], ["repairs", "sales"]
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))
maybe_team = st.none() | st.sampled_from(TEAMS)


def an_agent(id: str = "a", **fields: Any) -> AgentFacts:
    capacity = fields.pop("capacity", 2)
    usual: dict[str, Any] = {"is_online": True, "team": None, "languages": [], "levels": {}, "open_by_channel": {}}
    usual |= {"capacity_in": partial(capacity_in, capacity=capacity, capacities=[]), "idle_since": NOW}
    return AgentFacts(agent_id=id, **usual | fields)


def a_need(**fields: Any) -> Requirements:
    usual: dict[str, Any] = {"channel": "phone", "levels": {}, "language": None, "team": None}
    return Requirements(**usual | {"owner_id": None, "left_agent_id": None} | fields)


agents = st.lists(
    st.builds(
        an_agent,
        st.sampled_from([f"agent-{number}" for number in range(8)]),
        is_online=st.booleans(),
        team=maybe_team,
        languages=st.lists(st.sampled_from(LANGUAGES), unique=True),
        levels=levels,
        capacity=st.integers(0, 3),
        open_by_channel=st.dictionaries(st.sampled_from(CHANNELS), st.integers(1, 3)),
        idle_since=st.integers(0, 3).map(lambda hours: NOW - timedelta(hours=hours)),
    ),
    max_size=8,
    unique_by=lambda agent: agent.agent_id,
)
needs = st.builds(
    a_need,
    channel=st.sampled_from(CHANNELS),
    levels=levels,
    language=st.none() | st.sampled_from(LANGUAGES),
    team=maybe_team,
    owner_id=st.none() | st.sampled_from(["agent-1", "agent-2"]),
    left_agent_id=st.none() | st.sampled_from(["agent-1", "agent-3"]),
)


def model(need: Requirements, present: list[AgentFacts]) -> list[str]:
    """Return the eligible agents, in order: the plain text of the rule, written a second time."""
    able = []
    for agent in present:
        good_enough = all(agent.levels.get(skill, 0) >= level for skill, level in need.levels.items())
        free = agent.capacity_in(need.channel) - agent.open_by_channel.get(need.channel, 0) > 0
        understood = need.language is None or need.language in agent.languages
        allowed = need.team in (None, agent.team) and agent.agent_id != need.left_agent_id
        if agent.is_online and good_enough and free and understood and allowed:
            able.append(agent)
    for key in (
        lambda agent: agent.agent_id,
        lambda agent: agent.idle_since,
        lambda agent: sum(agent.open_by_channel.values()),
        lambda agent: sum(agent.levels[skill] - level for skill, level in need.levels.items()),
        lambda agent: agent.agent_id != need.owner_id,
    ):
        able.sort(key=key)  # a stable sort by the least important key first
    return [agent.agent_id for agent in able]


@given(needs, agents)
def test_the_eligible_agents_and_their_order_are_those_of_the_model(need: Requirements, all: list[AgentFacts]) -> None:
    ranked = rank_agents(need, all)
    eligible = [each.agent_id for each in ranked if each.rank is not None]
    assert eligible == model(need, all)
    assert [each.rank for each in ranked if each.rank is not None] == list(range(1, len(eligible) + 1))
    assert sorted(each.agent_id for each in ranked) == sorted(agent.agent_id for agent in all)
    assert [each for each in ranked if (each.rank is None) is not bool(each.reasons)] == []


@given(needs, agents, st.randoms())
def test_the_order_of_the_agents_does_not_matter(need: Requirements, all: list[AgentFacts], random: Any) -> None:
    shuffled = list(all)
    random.shuffle(shuffled)
    assert rank_agents(need, shuffled) == rank_agents(need, all)


@given(needs, agents)
def test_cases_with_the_same_signature_have_the_same_candidates(need: Requirements, all: list[AgentFacts]) -> None:
    twin = a_need(
        channel=need.channel,
        levels=dict(reversed(need.levels.items())),
        language=need.language,
        team=need.team,
        owner_id=need.owner_id,
        left_agent_id=need.left_agent_id,
    )
    assert twin.signature == need.signature
    assert rank_agents(twin, all) == rank_agents(need, all)


@pytest.mark.parametrize(
    ("need", "agent", "reason"),
    [
        (a_need(), an_agent(is_online=False), "not_online"),
        (a_need(), an_agent(open_by_channel={"phone": 2}), "no_capacity"),
        (a_need(), an_agent(capacity=0), "no_capacity"),
        (a_need(levels={"gas": 3}), an_agent(levels={"gas": 2, "tea": 5}), "missing_skill"),
        (a_need(language="nl"), an_agent(languages=["en"]), "other_language"),
        (a_need(team="repairs"), an_agent(), "other_team"),
        (a_need(left_agent_id="a"), an_agent(), "transferred_it"),
    ],
)
def test_each_reason_is_given(need: Requirements, agent: AgentFacts, reason: str) -> None:
    (candidate,) = rank_agents(need, [agent])
    assert (candidate.rank, candidate.reasons) == (None, (reason,))


def test_another_channel_takes_no_capacity_but_counts_as_load() -> None:
    (candidate,) = rank_agents(a_need(), [an_agent(open_by_channel={"email": 2})])
    assert (candidate.rank, candidate.load) == (1, 2)
    assert an_agent().with_assignment("phone", NOW).open_by_channel == {"phone": 1}


def test_cases_are_ordered_by_priority_and_then_by_age() -> None:
    cases = [
        ("urgent", NOW),
        ("high", NOW - timedelta(days=10_000)),
        ("high", NOW - timedelta(microseconds=1)),
        ("high", NOW),
        ("normal", datetime(1970, 1, 1, tzinfo=UTC)),
        ("low", NOW),
    ]
    ranks = [rank_of_case(priority, at) for priority, at in cases]  # type: ignore[arg-type]
    assert ranks == sorted(set(ranks))
    assert rank_of_case("low", datetime(2200, 1, 1, tzinfo=UTC)) < 2**63


def test_an_explanation_has_the_first_candidates_alone() -> None:
    ranked = rank_agents(a_need(), [an_agent(f"agent-{number:02}") for number in range(30)])
    stored = documents_of(ranked)
    assert [each["rank"] for each in stored] == list(range(1, MAX_CANDIDATES + 1))


def test_a_wrap_up_is_over_at_its_time() -> None:
    assert state_at("wrap_up", NOW, NOW - timedelta(microseconds=1)) == "wrap_up"
    assert state_at("wrap_up", NOW, NOW) == "ended"
    assert state_at("active", None, NOW) == "active"
