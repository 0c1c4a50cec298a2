"""The story of a case that is routed: it waits for a skill, is relaxed to the agent at hand, and is wrapped up."""

from tests.support.promises import CLOCK
from tests.support.records import made
from tests.support.routing import a_queue, an_agent
from tests.support.stack import RunningStack, a_sandbox


async def test_a_case_waits_for_an_agent_and_its_levels_are_relaxed(stack: RunningStack) -> None:
    # given an agent without the level that the queue requires, until a case has waited for half an hour
    shop = a_sandbox(stack, CLOCK)
    agent = await made(shop, "/v1/agents", an_agent(skills=[{"skill": "boilers", "level": 2}], capacity=1))
    await shop.request("PUT", f"/v1/agents/{agent['id']}/presence", json={"presence": "online"})
    required, relaxation = {"skill": "boilers", "level": 3}, {"after_minutes": 30, "reduction": 1}
    queue = a_queue("Boilers", required_skills=[required], relaxations=[relaxation], wrap_up_seconds=600)
    await made(shop, "/v1/queues", queue)

    # when two cases are opened, and half an hour passes
    body = {"kind": "request", "subject": "The boiler leaks", "channel": "phone"}
    first, second = [await made(shop, "/v1/cases", body) for _ in range(2)]
    await shop.drained()
    paths = [f"/v1/cases/{case['id']}" for case in (first, second)]
    waiting = (await shop.request("GET", f"{paths[0]}/routing")).json()["waiting"]
    await made(shop, "/v1/sandbox/clock", {"advance": "PT30M"})
    await shop.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await shop.drained()
    agents = [(await shop.request("GET", path)).json()["agent_id"] for path in paths]

    # then the agent gets the first of them, and the second when the first is wrapped up
    assert waiting["decision"]["candidates"][0]["reasons"] == ["missing_skill"]
    assert agents == ["agent-7", None]
    await made(shop, f"{paths[0]}/transitions", {"state": "resolved"})
    await shop.drained()
    (wrap_up,) = (await shop.request("GET", "/v1/assignments?state=wrap_up")).json()["items"]
    assert (wrap_up["case_id"], wrap_up["wrap_up_until"]) == (first["id"], "2026-03-01T10:40:00Z")
    await made(shop, f"/v1/assignments/{wrap_up['id']}/finish", None)
    assert (await shop.request("GET", paths[1])).json()["agent_id"] == "agent-7"
    await shop.drained()
    feed = (await shop.request("GET", "/v1/events?types=interactions.*")).json()["items"]
    assigned = [event["data"]["case_id"] for event in feed if event["type"] == "interactions.case_assigned.v1"]
    assert assigned == [first["id"], second["id"]]
    await shop.close()
