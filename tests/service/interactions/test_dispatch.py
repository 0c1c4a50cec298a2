"""Dispatch: waiting cases get the best eligible agent, once, also under many dispatchers at once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import uuid7
from services.interactions.contact.tables import CustomerProfile
from services.interactions.routing.queries.dispatching import dispatch_cases
from tests.support.cases import moved, opened
from tests.support.promises import a_sandbox, later
from tests.support.routing import (
    case_of,
    created_agent,
    created_queue,
    followed,
    present,
    routed_case,
    routing_of,
    waiting_in,
)
from tests.support.service import ServiceUnderTest

BOILERS = [{"skill": "boilers", "level": 3}]


def skilled(level: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"skill": "boilers", "level": level, **fields}]


async def agent_of(service: ServiceUnderTest, case: dict[str, Any]) -> str | None:
    return (await case_of(service, case["id"]))["agent_id"]  # type: ignore[no-any-return]


async def test_a_case_that_is_opened_gets_the_least_over_qualified_agent(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions, required_skills=BOILERS)
    for name, level in (("master", 5), ("fitter", 3), ("novice", 2)):
        await created_agent(interactions, name, skills=skilled(level))
    case = await opened(interactions, kind="request")
    events = await followed(interactions)

    # then it is assigned by the helpdesk, with a step and an event, and the decision is explained
    names = [event.type.split(".")[1] for event in events if event.type.startswith("interactions.case_")]
    assert names == ["case_opened", "case_queued", "case_assigned"]
    assert (await case_of(interactions, case["id"]))["agent_id"] == "fitter"
    steps = (await interactions.get(f"/v1/cases/{case['id']}/transitions")).json()["items"]
    assert [(step["kind"], step["agent_id"]) for step in steps] == [("opened", None), ("assigned", "fitter")]
    routing = await routing_of(interactions, case["id"])
    (assignment,) = routing["assignments"]
    assert (routing["waiting"], assignment["origin"], assignment["queue_id"]) == (None, "dispatched", queue["id"])
    decision = assignment["decision"]
    assert (decision["required_skills"], decision["candidate_count"]) == (BOILERS, 3)
    judged = [
        (each["agent_id"], each["rank"], each["reasons"], each["excess_levels"]) for each in decision["candidates"]
    ]
    assert judged == [("fitter", 1, [], 0), ("master", 2, [], 2), ("novice", None, ["missing_skill"], 0)]


async def test_a_case_waits_with_the_reasons_until_an_agent_comes_online(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions)
    agent = await created_agent(interactions, presence="away")
    low, high = [await routed_case(interactions, priority=priority) for priority in ("low", "high")]
    assert await waiting_in(interactions, queue) == [high["id"], low["id"]]
    waiting = (await routing_of(interactions, low["id"]))["waiting"]
    (candidate,) = waiting["decision"]["candidates"]
    assert (candidate["rank"], candidate["reasons"]) == (None, ["not_online"])
    await present(interactions, agent, "online")
    assert [await agent_of(interactions, case) for case in (low, high)] == ["agent-7"] * 2
    assert await waiting_in(interactions, queue) == []


async def test_the_customers_own_agent_precedes_all_others(interactions: ServiceUnderTest) -> None:
    await created_queue(interactions, requires_language=True)
    customer = uuid7()
    await known(interactions, customer, languages=["nl"], owner_id="own")
    await created_agent(interactions, "other", languages=["nl-NL"])
    await created_agent(interactions, "own", languages=["NL"], capacity=1)
    await created_agent(interactions, "english", languages=["en"])
    first, second = [await routed_case(interactions, customer) for _ in range(2)]
    assert (first["agent_id"], second["agent_id"]) == ("own", "other")
    (assignment,) = (await routing_of(interactions, second["id"]))["assignments"]
    reasons = {each["agent_id"]: each["reasons"] for each in assignment["decision"]["candidates"]}
    assert reasons == {"other": [], "own": ["no_capacity"], "english": ["other_language"]}


async def known(service: ServiceUnderTest, customer: Any, **fields: Any) -> None:
    """Store the profile of a customer, as the events of customers would."""
    async with service.work() as work:
        await work.insert(CustomerProfile(id=customer, **fields))


async def test_a_case_enters_the_first_queue_that_it_matches(interactions: ServiceUnderTest) -> None:
    dutch = await created_queue(interactions, "Dutch", position=1, languages=["nl"])
    letters = await created_queue(interactions, "Letters", position=2, channels=["letter"])
    await created_queue(interactions, "Retired", position=0, active=False)
    customer = uuid7()
    await known(interactions, customer, languages=["nl-BE"])
    cases = [
        await routed_case(interactions, customer, channel="letter"),
        await routed_case(interactions, channel="letter"),
        await routed_case(interactions, channel="email"),
    ]
    assert await waiting_in(interactions, dutch) == [cases[0]["id"]]
    assert await waiting_in(interactions, letters) == [cases[1]["id"]]
    assert (await routing_of(interactions, cases[2]["id"]))["waiting"] is None


async def test_a_changed_priority_changes_the_order(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions)
    first, second = [await routed_case(interactions) for _ in range(2)]
    assert await waiting_in(interactions, queue) == [first["id"], second["id"]]
    await interactions.patch(f"/v1/cases/{second['id']}", {"priority": "urgent"})
    await followed(interactions)
    assert await waiting_in(interactions, queue) == [second["id"], first["id"]]


async def test_levels_are_relaxed_at_the_exact_moment(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    relaxations = [{"after_minutes": 60, "reduction": 1}]
    await created_queue(sandbox, required_skills=BOILERS, relaxations=relaxations)
    await created_agent(sandbox, skills=skilled(2))
    case = await routed_case(sandbox)
    early = await later(sandbox, minutes=60, microseconds=-1)
    await early.run_periodic_tasks()
    assert await agent_of(early, case) is None
    exact = await later(sandbox, minutes=60)
    await exact.run_periodic_tasks()
    assert await agent_of(exact, case) == "agent-7"
    (assignment,) = (await routing_of(exact, case["id"]))["assignments"]
    assert (assignment["decision"]["required_skills"], assignment["decision"]["waited_seconds"]) == (skilled(2), 3600)


async def test_a_certificate_counts_until_the_last_instant_of_its_day(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)  # at 10:00 UTC on the first of March, which ends at 23:00 UTC in Amsterdam
    queue = await created_queue(sandbox, required_skills=BOILERS)
    await created_agent(sandbox, "expired", skills=skilled(4, valid_until="2026-02-28"))
    await created_agent(sandbox, "last-day", skills=skilled(4, valid_until="2026-03-01"))
    last = await routed_case(await later(sandbox, hours=13, microseconds=-1))
    assert last["agent_id"] == "last-day"
    over = await routed_case(await later(sandbox, hours=13))
    assert (over["agent_id"], await waiting_in(sandbox, queue)) == (None, [over["id"]])


@pytest.mark.parametrize("sweeps", [(40,), (5, 10, 15, 30, 40)])
async def test_an_overflow_is_the_same_however_often_it_is_looked_for(
    interactions: ServiceUnderTest, sweeps: tuple[int, ...]
) -> None:
    sandbox = await a_sandbox(interactions)
    last = await created_queue(sandbox, "Last", position=3)
    second = await created_queue(sandbox, "Second", position=2, overflow_queue_id=last["id"], overflow_after_minutes=20)
    await created_queue(sandbox, "First", position=1, overflow_queue_id=second["id"], overflow_after_minutes=10)
    case = await routed_case(sandbox)
    events = []
    for minutes in sweeps:
        at = await later(sandbox, minutes=minutes)
        await at.run_periodic_tasks()
        events += [event.data for event in await at.published() if event.type == "interactions.case_queued.v1"]
    waiting = (await routing_of(at, case["id"]))["waiting"]
    assert (waiting["queue_id"], waiting["entered_at"]) == (last["id"], "2026-03-01T10:30:00Z")
    assert [(each["queue_id"], each["entered_at"]) for each in events] == [
        (second["id"], "2026-03-01T10:10:00Z"),
        (last["id"], "2026-03-01T10:30:00Z"),
    ]
    assert {each["queued_at"] for each in events} == {"2026-03-01T10:00:00Z"}


async def test_fifty_dispatchers_at_once_assign_every_case_once_and_exceed_no_capacity(
    interactions: ServiceUnderTest,
) -> None:
    await created_queue(interactions)
    agents = [await created_agent(interactions, f"agent-{number}", presence=None, capacity=3) for number in range(5)]
    for number in range(20):
        await opened(interactions, kind="request", priority=("low", "urgent")[number % 2])
    await followed(interactions)
    await interactions.rows("update agent set presence = 'online' returning id")

    async def dispatch(number: int) -> None:
        transaction = interactions.transaction() if number % 2 else interactions.transaction_of_worker()
        async with transaction as opened_transaction:
            await dispatch_cases(UnitOfWork(opened_transaction))

    await asyncio.gather(*(dispatch(number) for number in range(50)))
    rows = await interactions.rows("select case_id, agent_id from case_assignment where state = 'active'")
    assert Counter(row["agent_id"] for row in rows) == {agent["agent_id"]: 3 for agent in agents}
    assert len({row["case_id"] for row in rows}) == 15
    cases = await interactions.rows("select id, priority, agent_id from support_case order by id")
    assert {row["id"]: row["agent_id"] for row in cases if row["agent_id"]} == {
        row["case_id"]: row["agent_id"] for row in rows
    }
    assert [row["priority"] for row in cases if row["agent_id"] is None] == ["low"] * 5, "the urgent ones come first"
    assert len(await interactions.rows("select id from queued_case")) == 5


async def test_a_case_that_is_assigned_by_hand_is_not_dispatched_and_takes_capacity(
    interactions: ServiceUnderTest,
) -> None:
    queue = await created_queue(interactions)
    await created_agent(interactions, capacity=1)
    by_hand = await routed_case(interactions, agent_id="agent-7")
    waiting = await routed_case(interactions)
    (assignment,) = (await routing_of(interactions, by_hand["id"]))["assignments"]
    assert (assignment["origin"], assignment["decision"]) == ("by_hand", None)
    assert await waiting_in(interactions, queue) == [waiting["id"]]

    # when the assignment is removed, both wait, and the older of them gets the agent
    await interactions.patch(f"/v1/cases/{by_hand['id']}", {"agent_id": None})
    await followed(interactions)
    assert await agent_of(interactions, by_hand) == "agent-7"
    assert [each["ended_because"] for each in (await routing_of(interactions, by_hand["id"]))["assignments"]] == [
        None,
        "unassigned",
    ]


async def test_a_resolved_case_frees_its_agent_and_a_reopened_one_is_routed_again(
    interactions: ServiceUnderTest,
) -> None:
    queue = await created_queue(interactions)
    agent = await created_agent(interactions, capacity=1)
    first, second = [await routed_case(interactions) for _ in range(2)]
    await moved(interactions, first["id"], "resolved")
    await followed(interactions)
    assert await agent_of(interactions, second) == "agent-7"
    await present(interactions, agent, "offline")
    await moved(interactions, first["id"], "in_progress")
    await followed(interactions)
    assert (await case_of(interactions, first["id"]))["agent_id"] is None
    assert await waiting_in(interactions, queue) == [first["id"]]
    await moved(interactions, first["id"], "resolved")
    await followed(interactions)
    assert await waiting_in(interactions, queue) == []


async def test_repeated_and_late_events_change_nothing(interactions: ServiceUnderTest) -> None:
    queue = await created_queue(interactions, wrap_up_seconds=60)
    await created_agent(interactions)
    case = await opened(interactions, kind="request")
    await moved(interactions, case["id"], "resolved")
    await moved(interactions, case["id"], "in_progress")
    events = await followed(interactions)
    before = await routing_of(interactions, case["id"])
    facts = [{"type": each.type, "key": each.subject, "data": each.data} for each in reversed(events)]
    await interactions.deliver([each for each in facts if "case_" in each["type"]])
    assert await routing_of(interactions, case["id"]) == before
    assert [each["state"] for each in before["assignments"]] == ["active"]
    assert await interactions.published() == []
    assert await interactions.dead_letters() == []
    assert await waiting_in(interactions, queue) == []


async def test_agents_of_another_tenant_get_nothing(interactions: ServiceUnderTest) -> None:
    other = await interactions.for_new_tenant()
    await created_agent(other)
    queue = await created_queue(interactions)
    case = await routed_case(interactions)
    await other.run_periodic_tasks()
    assert await waiting_in(interactions, queue) == [case["id"]]
    assert (await other.get(f"/v1/cases/{case['id']}/routing")).status_code == 404
    assert (await other.get(f"/v1/queues/{queue['id']}/cases")).status_code == 404
