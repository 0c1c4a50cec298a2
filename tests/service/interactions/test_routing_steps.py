"""The steps of agents: claims, transfers and wrap-ups, within the capacity of each."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.cases import moved, opened
from tests.support.promises import a_sandbox, later
from tests.support.routing import (
    case_of,
    created_agent,
    created_queue,
    followed,
    routed_case,
    routing_of,
    waiting_in,
)
from tests.support.service import ServiceUnderTest


async def claim(
    service: ServiceUnderTest, case: dict[str, Any], agent: str = "agent-7", **fields: Any
) -> httpx.Response:
    return await service.post(f"/v1/cases/{case['id']}/claim", {"agent_id": agent, **fields})


async def transfer(service: ServiceUnderTest, case: dict[str, Any], **fields: Any) -> httpx.Response:
    return await service.post(f"/v1/cases/{case['id']}/transfer", {"reason": "It needs an engineer.", **fields})


async def assignments(service: ServiceUnderTest, **params: Any) -> list[dict[str, Any]]:
    return list((await service.get("/v1/assignments", **params)).json()["items"])


async def agent_of(service: ServiceUnderTest, case: dict[str, Any]) -> str | None:
    return (await case_of(service, case["id"]))["agent_id"]  # type: ignore[no-any-return]


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def test_of_two_agents_that_claim_a_case_at_once_one_gets_it(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions)
    names = [f"agent-{number}" for number in range(5)]
    for name in names:
        await created_agent(interactions, name, presence="away")
    for _ in range(3):
        case = await routed_case(interactions)
        assert await waiting_in(interactions, queue) == [case["id"]]
        responses = await asyncio.gather(*(claim(interactions, case, name) for name in names))
        assert sorted(response.status_code for response in responses) == [200, 409, 409, 409, 409]
        (won,) = [response.json() for response in responses if response.status_code == 200]
        refused = [response.json() for response in responses if response.status_code == 409]
        assert {(each["code"], each["agent_id"]) for each in refused} == {("case_already_assigned", won["agent_id"])}
        assert (won["origin"], won["queue_id"], won["forced"]) == ("claimed", queue["id"], False)
        assert await agent_of(interactions, case) == won["agent_id"]
        assert (await claim(interactions, case, won["agent_id"])).json() == won
        assert await waiting_in(interactions, queue) == []
    await followed(interactions)
    assert len(await assignments(interactions)) == 3


async def test_parallel_claims_of_an_agent_exceed_no_capacity(interactions: ServiceUnderTest) -> None:
    await created_agent(interactions, capacity=2, capacities=[{"channel": "email", "capacity": 1}])
    cases = [await opened(interactions, channel=channel) for channel in ["phone"] * 4 + ["email"] * 2]
    responses = await asyncio.gather(*(claim(interactions, case) for case in cases))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 409, 409, 409]
    (full, *_) = [response.json() for response in responses if response.status_code == 409]
    assert (full["code"], full["open_assignments"]) == ("agent_at_capacity", full["capacity"])
    by_channel = [each["channel"] for each in await assignments(interactions, state="active")]
    assert sorted(by_channel) == ["email", "phone", "phone"]


async def test_a_claim_over_the_capacity_needs_the_scope_to_configure(interactions: ServiceUnderTest) -> None:
    await created_agent(interactions, capacity=0)
    case = await opened(interactions)
    agent = interactions.with_scopes("interactions:write", "interactions:read")
    assert code_of(await claim(agent, case)) == (409, "agent_at_capacity")
    assert code_of(await claim(agent, case, force=True)) == (403, "missing_scope")
    forced = (await claim(interactions, case, force=True)).json()
    assert (forced["agent_id"], forced["forced"]) == ("agent-7", True)


async def test_an_unknown_agent_or_an_ended_case_is_refused(interactions: ServiceUnderTest) -> None:
    other = await interactions.for_new_tenant()
    await created_agent(other)
    case = await opened(interactions, kind="request")
    for response in (await claim(interactions, case), await transfer(interactions, case, agent_id="agent-7")):
        assert response.status_code == 422
        assert [error["code"] for error in response.json()["errors"]] == ["unknown_record"]
    await created_agent(interactions)
    assert (await claim(other, case)).status_code == 404
    await moved(interactions, case["id"], "resolved")
    for response in (await claim(interactions, case), await transfer(interactions, case, team="repairs")):
        assert code_of(response) == (409, "case_not_open")


@pytest.mark.parametrize(
    "fields", [{}, {"agent_id": "agent-7", "team": "repairs"}, {"queue_id": str(uuid7()), "team": "repairs"}]
)
async def test_a_transfer_has_one_target(interactions: ServiceUnderTest, fields: dict[str, Any]) -> None:
    case = await opened(interactions)
    assert (await transfer(interactions, case, **fields)).status_code == 422
    assert (await transfer(interactions, case, queue_id=str(uuid7()))).status_code == 422


async def test_a_transfer_to_an_agent_keeps_the_reason_and_the_capacity(interactions: ServiceUnderTest) -> None:
    for name, capacity in (("agent-1", 1), ("agent-2", 1), ("agent-3", 0)):
        await created_agent(interactions, name, capacity=capacity)
    case = await opened(interactions)
    await claim(interactions, case, "agent-1")
    full = await transfer(interactions, case, agent_id="agent-3")
    assert (code_of(full), full.json()["capacity"]) == ((409, "agent_at_capacity"), 0)
    assert await agent_of(interactions, case) == "agent-1"
    routing = (await transfer(interactions, case, agent_id="agent-2")).json()
    ended = [(each["agent_id"], each["origin"], each["ended_because"]) for each in routing["assignments"]]
    assert ended == [("agent-2", "transferred", None), ("agent-1", "claimed", "transferred")]
    steps = (await interactions.get(f"/v1/cases/{case['id']}/transitions")).json()["items"]
    assert (steps[-1]["agent_id"], steps[-1]["reason"]) == ("agent-2", "It needs an engineer.")
    assert (await transfer(interactions, case, agent_id="agent-2")).json() == routing
    await followed(interactions)
    assert await routing_of(interactions, case["id"]) == routing


async def test_a_case_that_is_transferred_to_a_queue_does_not_return_to_its_agent(
    interactions: ServiceUnderTest,
) -> None:
    queue = await created_queue(interactions, "Second line", channels=["none"])
    await created_agent(interactions, "agent-1")
    case = await opened(interactions)
    await claim(interactions, case, "agent-1")
    routing = (await transfer(interactions, case, queue_id=queue["id"])).json()
    (candidate,) = routing["waiting"]["decision"]["candidates"]
    assert (routing["waiting"]["queue_id"], candidate["reasons"]) == (queue["id"], ["transferred_it"])
    await created_agent(interactions, "agent-2")
    await followed(interactions)
    assert await agent_of(interactions, case) == "agent-2"


async def test_a_case_that_is_transferred_to_a_team_waits_for_one_of_its_agents(
    interactions: ServiceUnderTest,
) -> None:
    queue = await created_queue(interactions)
    await created_agent(interactions, "seller", team="sales")
    case = await routed_case(interactions)
    assert case["agent_id"] == "seller"
    routing = (await transfer(interactions, case, team="repairs")).json()
    assert (await case_of(interactions, case["id"]))["team"] == "repairs"
    assert routing["waiting"]["queue_id"] == queue["id"]
    await created_agent(interactions, "other-seller", team="sales")
    assert await agent_of(interactions, case) is None
    await created_agent(interactions, "fitter", team="repairs")
    await followed(interactions)
    assert await agent_of(interactions, case) == "fitter"


async def test_a_wrap_up_takes_capacity_until_it_is_finished(interactions: ServiceUnderTest) -> None:
    await created_queue(interactions, wrap_up_seconds=600)
    await created_agent(interactions, capacity=1)
    first, second = [await routed_case(interactions) for _ in range(2)]
    (assignment,) = await assignments(interactions, agent_id="agent-7")
    path = f"/v1/assignments/{assignment['id']}/finish"
    assert code_of(await interactions.post(path, None)) == (409, "case_in_progress")
    await moved(interactions, first["id"], "resolved")
    await followed(interactions)
    assert await agent_of(interactions, second) is None
    assert [each["state"] for each in await assignments(interactions)] == ["wrap_up"]
    finished = (await interactions.post(path, None)).json()
    assert (finished["state"], finished["ended_because"]) == ("ended", "wrapped_up")
    assert await agent_of(interactions, second) == "agent-7"
    assert (await interactions.post(path, None)).json() == finished


async def test_a_resolved_case_is_wrapped_up_before_its_event_arrives(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions, wrap_up_seconds=600)
    await created_agent(interactions)
    case = await routed_case(interactions)
    await moved(interactions, case["id"], "resolved")
    (assignment,) = await assignments(interactions, queue_id=queue["id"])
    finished = (await interactions.post(f"/v1/assignments/{assignment['id']}/finish", None)).json()
    assert finished["state"] == "ended"
    await followed(interactions)
    assert (await interactions.get(f"/v1/assignments/{assignment['id']}")).json() == finished


async def test_a_wrap_up_ends_at_its_time_with_or_without_the_worker(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    await created_queue(sandbox, wrap_up_seconds=600)
    await created_agent(sandbox, capacity=1)
    first, second = [await routed_case(sandbox) for _ in range(2)]
    await moved(sandbox, first["id"], "resolved")
    await followed(sandbox)
    early = await later(sandbox, minutes=10, microseconds=-1)
    await early.run_periodic_tasks()
    assert ([each["state"] for each in await assignments(early)], await agent_of(early, second)) == (["wrap_up"], None)
    exact = await later(sandbox, minutes=10)
    unswept = await assignments(exact, state="ended")
    assert [(each["state"], each["ended_at"]) for each in unswept] == [("ended", "2026-03-01T10:10:00Z")]
    assert await assignments(exact, state="wrap_up") == []
    await exact.run_periodic_tasks()
    assert await agent_of(exact, second) == "agent-7"
    swept = await assignments(exact, state="ended")
    assert swept == unswept


async def test_a_case_that_is_reopened_during_the_wrap_up_stays_with_its_agent(
    interactions: ServiceUnderTest,
) -> None:
    await created_queue(interactions, wrap_up_seconds=600)
    await created_agent(interactions)
    case = await routed_case(interactions)
    await moved(interactions, case["id"], "resolved")
    await followed(interactions)
    await created_agent(interactions, "agent-1")
    await moved(interactions, case["id"], "in_progress")
    await followed(interactions)
    (assignment,) = await assignments(interactions)
    assert (assignment["agent_id"], assignment["state"], assignment["wrap_up_until"]) == ("agent-7", "active", None)
