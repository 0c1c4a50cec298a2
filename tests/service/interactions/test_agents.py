"""Agents: their profiles, and the change of their presence."""

import asyncio
from typing import Any

import pytest

from tests.support.promises import a_sandbox, events_of, later
from tests.support.routing import an_agent, created_agent, present
from tests.support.service import ServiceUnderTest

PATH = "/v1/agents"
SKILLS = [{"skill": "boilers", "level": 4, "valid_until": "2027-06-30"}, {"skill": "billing", "level": 2}]


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["agent_id"] for item in (await service.get(PATH, **params)).json()["items"]]


async def test_an_agent_reads_back_as_created(interactions: ServiceUnderTest) -> None:
    capacities = [{"channel": "phone", "capacity": 1}]
    fields: dict[str, Any] = {
        "languages": ["nl", "en", "nl"],
        "skills": SKILLS,
        "capacity": 3,
        "capacities": capacities,
    }
    agent = await created_agent(interactions, presence=None, **fields)
    assert (await interactions.get(f"{PATH}/{agent['id']}")).json() == agent
    assert (agent["presence"], agent["languages"], agent["capacities"]) == ("offline", ["nl", "en"], capacities)
    assert agent["skills"] == [SKILLS[0], SKILLS[1] | {"valid_until": None}]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"languages": ["Dutch!"]}, "/languages/0"),
        ({"skills": [{"skill": "boilers", "level": 6}]}, "/skills/0/level"),
        ({"skills": [{"skill": "boilers", "level": 0}]}, "/skills/0/level"),
        ({"skills": [{"skill": "boilers", "level": 1, "valid_until": "2026-02-30"}]}, "/skills/0/valid_until"),
        ({"skills": [{"skill": "boilers", "level": 1}, {"skill": " boilers", "level": 2}]}, "/skills"),
        ({"capacity": -1}, "/capacity"),
        ({"capacities": [{"channel": "phone", "capacity": 1}] * 2}, "/capacities"),
        ({"presence": "online"}, "/presence"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, an_agent(**fields))
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert await listed(interactions) == []


async def test_an_agent_has_one_profile_also_at_once(interactions: ServiceUnderTest) -> None:
    responses = await asyncio.gather(*(interactions.post(PATH, an_agent()) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409]
    (profile,) = [response.json() for response in responses if response.status_code == 201]
    refused = [response.json() for response in responses if response.status_code == 409]
    assert {(each["code"], each["profile_id"]) for each in refused} == {("agent_exists", profile["id"])}
    other = await interactions.for_new_tenant()
    assert (await other.post(PATH, an_agent())).status_code == 201
    assert (await other.get(f"{PATH}/{profile['id']}")).status_code == 404


async def test_a_change_names_its_fields_and_obeys_if_match(interactions: ServiceUnderTest) -> None:
    agent = await created_agent(interactions, presence=None, skills=SKILLS, languages=["nl"])
    path = f"{PATH}/{agent['id']}"
    changed = (await interactions.patch(path, {"skills": SKILLS[1:], "team": None}, if_match='"1"')).json()
    assert ([each["skill"] for each in changed["skills"]], changed["team"]) == (["billing"], None)
    assert (changed["languages"], changed["version"]) == (["nl"], 2)
    assert (await interactions.patch(path, {"capacity": 1}, if_match='"1"')).status_code == 412
    assert (await interactions.patch(path, {"skills": SKILLS[1:]})).json() == changed
    assert (await interactions.patch(path, {"capacity": None})).status_code == 422
    assert (await interactions.patch(path, {"agent_id": "agent-8"})).status_code == 422


async def test_a_change_of_presence_is_published_once_with_its_time(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    agent = await created_agent(sandbox)
    assert (agent["presence"], agent["presence_since"]) == ("online", "2026-03-01T10:00:00Z")
    at = await later(sandbox, hours=1)
    assert await present(at, agent, "online") == agent
    away = await present(at, agent, "away")
    assert (away["presence_since"], away["version"]) == ("2026-03-01T11:00:00Z", 3)
    events = await events_of(at, "agent_presence_changed")
    changes = [(event.data["previous_presence"], event.data["presence"], event.subject) for event in events]
    assert changes == [("offline", "online", agent["id"]), ("online", "away", agent["id"])]
    assert "Lin" not in str([event.data for event in events])


async def test_agents_are_listed_by_id_team_and_presence(interactions: ServiceUnderTest) -> None:
    await created_agent(interactions, "a", team="sales")
    await created_agent(interactions, "b", team="tea", presence="away")
    await created_agent(interactions, "c", presence=None)
    assert await listed(interactions) == ["a", "b", "c"]
    assert await listed(interactions, presence="online") == ["a"]
    assert await listed(interactions, team="repairs") == ["c"]
    assert await listed(interactions, agent_id="b") == ["b"]


async def test_a_profile_is_written_with_the_scope_to_configure(interactions: ServiceUnderTest) -> None:
    agent = await created_agent(interactions)
    writer = interactions.with_scopes("interactions:write")
    assert (await writer.post(PATH, an_agent("agent-8"))).status_code == 403
    assert (await writer.patch(f"{PATH}/{agent['id']}", {"capacity": 9})).status_code == 403
    assert (await present(writer, agent, "away"))["presence"] == "away"
