"""Tasks: claimed by one agent, announced once when they are due, and created once for a cause."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from services.interactions.outreach.queries.tasks import create_task
from tests.support.erasure import erase, tables_with
from tests.support.merges import customers_merged, merge_undone
from tests.support.promises import a_sandbox, created, events_of, later
from tests.support.service import ServiceUnderTest
from tests.support.tasks import a_task

PATH = "/v1/tasks"


async def read(service: ServiceUnderTest, task: dict[str, Any]) -> dict[str, Any]:
    return dict((await service.get(f"{PATH}/{task['id']}")).json())


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    return [item["id"] for item in (await service.get(PATH, **params)).json()["items"]]


async def claim(service: ServiceUnderTest, task: dict[str, Any], agent: str) -> httpx.Response:
    return await service.post(f"{PATH}/{task['id']}/claim", {"owner_id": agent})


async def test_a_task_reads_back_as_created_and_its_event_has_no_text(interactions: ServiceUnderTest) -> None:
    deal, customer = str(uuid7()), uuid7()
    body = a_task(customer, description="Ada is angry.", about_kind="deal", about_id=deal, by_when="2199-03-02")
    task = await created(interactions, PATH, body)
    assert await read(interactions, task) == task
    assert (task["state"], task["priority"], task["timezone"]) == ("open", "normal", "Europe/Amsterdam")
    assert task["due_at"] == "2199-03-02T22:59:59Z"
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.task_created.v1", str(customer))
    assert (event.data["about_id"], event.data["cause_id"]) == (deal, None)
    assert not [text for text in ("kettle", "Ada") if text in str(event.data)]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": " "}, "/title"),
        ({"priority": "now"}, "/priority"),
        ({"about_kind": "deal"}, ""),
        ({"about_kind": "case", "about_id": "4711"}, ""),
        ({"by_when": "2026-03-02", "due_at": "2026-03-02T10:00:00Z"}, "/by_when"),
        ({"due_at": "1812-01-01T00:00:00Z"}, "/due_at"),
        ({"cause_kind": "automation"}, "/cause_kind"),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await interactions.post(PATH, a_task(**fields))
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_of_two_agents_that_claim_a_task_at_once_one_gets_it(interactions: ServiceUnderTest) -> None:
    for _ in range(5):
        task = await created(interactions, PATH, a_task())
        agents = [f"agent-{number}" for number in range(6)]
        responses = await asyncio.gather(*(claim(interactions, task, agent) for agent in agents))
        assert sorted(response.status_code for response in responses) == [200, 409, 409, 409, 409, 409]
        (winner,) = [response.json()["owner_id"] for response in responses if response.status_code == 200]
        losers = [response.json() for response in responses if response.status_code == 409]
        assert {(each["code"], each["owner_id"]) for each in losers} == {("task_not_free", winner)}
        assert (await read(interactions, task))["owner_id"] == winner


async def test_a_task_is_claimed_done_and_then_does_not_change(interactions: ServiceUnderTest) -> None:
    task = await created(interactions, PATH, a_task(owner_id="agent-1"))
    assert (await claim(interactions, task, "agent-2")).status_code == 409
    claimed = (await claim(interactions, task, "agent-1")).json()
    assert (claimed["state"], claimed["version"]) == ("in_progress", 2)
    assert (await claim(interactions, task, "agent-1")).json() == claimed
    done = (await interactions.post(f"{PATH}/{task['id']}/complete", None)).json()
    assert (done["state"], done["cancelled_at"]) == ("done", None)
    for response in (
        await claim(interactions, task, "agent-1"),
        await interactions.post(f"{PATH}/{task['id']}/complete", None),
        await interactions.post(f"{PATH}/{task['id']}/cancel", {"reason": "x"}),
        await interactions.patch(f"{PATH}/{task['id']}", {"title": "x"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "task_ended")
    types = [event.type.split(".")[1] for event in await interactions.published()]
    assert types == ["task_created", "task_updated", "task_done"]


async def test_a_cancelled_task_has_its_reason(interactions: ServiceUnderTest) -> None:
    task = await created(interactions, PATH, a_task())
    cancelled = (await interactions.post(f"{PATH}/{task['id']}/cancel", {"reason": "She has called."})).json()
    assert (cancelled["state"], cancelled["cancelled_reason"]) == ("cancelled", "She has called.")
    assert len(await events_of(interactions, "task_cancelled")) == 1


async def test_a_change_obeys_if_match_and_a_task_without_owner_is_open_again(interactions: ServiceUnderTest) -> None:
    task = await created(interactions, PATH, a_task())
    await claim(interactions, task, "agent-1")
    path = f"{PATH}/{task['id']}"
    assert (await interactions.patch(path, {"title": "x"}, if_match='"1"')).status_code == 412
    await interactions.published()
    freed = (await interactions.patch(path, {"owner_id": None}, if_match='"2"')).json()
    assert (freed["owner_id"], freed["state"]) == (None, "open")
    (event,) = await interactions.published()
    assert event.data["changed"] == ["owner_id", "state"]
    assert (await interactions.patch(path, {"owner_id": None})).json() == freed


async def test_a_due_time_is_announced_once_and_a_new_one_again(interactions: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(interactions)
    task = await created(sandbox, PATH, a_task(due_at="2026-03-02T10:00:00Z"))
    done = await created(sandbox, PATH, a_task(due_at="2026-03-02T10:00:00Z"))
    await sandbox.post(f"{PATH}/{done['id']}/complete", None)
    at = await later(sandbox, days=1)
    await at.run_periodic_tasks()
    assert await events_of(at, "task_due") == []
    over = await later(sandbox, days=1, seconds=1)
    for _ in range(2):
        await over.run_periodic_tasks()
    (event,) = await events_of(over, "task_due")
    assert event.data["task_id"] == task["id"]
    assert await listed(over, overdue=True) == [task["id"]]
    assert await listed(over, overdue=False) == [done["id"]]
    changed = (await over.patch(f"{PATH}/{task['id']}", {"by_when": "2026-03-05"})).json()
    assert (changed["due_at"], changed["by_when"]) == ("2026-03-05T22:59:59Z", "2026-03-05")
    assert await listed(over, overdue=True) == []
    again = await later(sandbox, days=9)
    await again.run_periodic_tasks()
    assert len(await events_of(again, "task_due")) == 1
    cleared = (await again.patch(f"{PATH}/{task['id']}", {"due_at": None})).json()
    assert (cleared["due_at"], cleared["by_when"], cleared["timezone"]) == (None, None, None)


async def test_a_cause_creates_one_task_also_at_once(interactions: ServiceUnderTest) -> None:
    cause = {"cause_kind": "automation", "cause_id": str(uuid7())}

    async def create() -> bool:
        async with interactions.work() as work:
            return await create_task(work, title="Call", team="sales", **cause) is not None

    assert sorted(await asyncio.gather(*(create() for _ in range(5)))) == [False] * 4 + [True]
    assert await create() is False
    (event,) = await events_of(interactions, "task_created")
    assert {name: event.data[name] for name in cause} == cause


async def test_lists_are_filtered_and_sorted(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    about = {"about_kind": "reference", "about_id": "repair-4711"}
    first = await created(interactions, PATH, a_task(customer, priority="high", due_at="2199-02-01T00:00:00Z", **about))
    second = await created(interactions, PATH, a_task(team="sales", owner_id="agent-1", due_at="2199-01-01T00:00:00Z"))
    third = await created(interactions, PATH, a_task(team="sales"))
    assert await listed(interactions) == [first["id"], second["id"], third["id"]]
    assert await listed(interactions, sort="due_at") == [second["id"], first["id"]]
    for params in ({"customer_id": str(customer)}, {"team": "repairs"}, {"priority": "high"}, about):
        assert await listed(interactions, **params) == [first["id"]], params
    assert await listed(interactions, owner_id="agent-1", state="open") == [second["id"]]
    assert await listed(interactions, **{"due_at.gte": "2199-01-15T00:00:00Z"}) == [first["id"]]
    page = (await interactions.get(PATH, limit=1, sort="due_at")).json()
    assert await listed(interactions, limit=1, sort="due_at", cursor=page["next_cursor"]) == [first["id"]]


async def test_no_customers_token_reads_a_task(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    task = await created(interactions, PATH, a_task(customer))
    own = interactions.for_customer(customer)
    for response in (await own.get(f"{PATH}/{task['id']}"), await own.get(PATH, customer_id=str(customer))):
        assert (response.status_code, response.json()["code"]) == (403, "owner_access_denied")


async def test_tasks_follow_a_merge_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    task = await created(interactions, PATH, a_task(merged))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(survivor)) == [task["id"]]
    await interactions.post(f"{PATH}/{task['id']}/complete", None)
    (event,) = await events_of(interactions, "task_done")
    assert event.data["customer_id"] == str(merged)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await listed(interactions, customer_id=str(survivor)) == []


async def test_an_erasure_deletes_the_tasks_and_refuses_others(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    task = await created(interactions, PATH, a_task(customer, title="Call Zebedina", description="Zebedina waits."))
    assert (await erase(interactions, customer))["task", "deleted"] == 1
    assert await tables_with(interactions, "zebedina") == []
    assert (await interactions.get(f"{PATH}/{task['id']}")).status_code == 404
    refused = await interactions.post(PATH, a_task(customer))
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
