"""Agents and queues for tests."""

from typing import Any

from tests.support.cases import opened
from tests.support.service import Published, ServiceUnderTest


def an_agent(agent_id: str = "agent-7", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/agents."""
    return {"agent_id": agent_id, "name": "Lin", "team": "repairs"} | fields


def a_queue(name: str = "All cases", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/queues."""
    return {"name": name} | fields


async def created_agent(
    service: ServiceUnderTest, agent_id: str = "agent-7", *, presence: str | None = "online", **fields: Any
) -> dict[str, Any]:
    """Create an agent with this presence, and return it."""
    response = await service.post("/v1/agents", an_agent(agent_id, **fields))
    assert response.status_code == 201, response.text
    agent = dict(response.json())
    return agent if presence is None else await present(service, agent, presence)


async def present(service: ServiceUnderTest, agent: dict[str, Any], presence: str) -> dict[str, Any]:
    """Set the presence of an agent, and return it."""
    response = await service.put(f"/v1/agents/{agent['id']}/presence", {"presence": presence})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def created_queue(service: ServiceUnderTest, name: str = "All cases", **fields: Any) -> dict[str, Any]:
    """Create a queue and return it."""
    response = await service.post("/v1/queues", a_queue(name, **fields))
    assert response.status_code == 201, response.text
    return dict(response.json())


async def followed(service: ServiceUnderTest) -> list[Published]:
    """Deliver the events of cases to the service itself, as Kafka would, until none follows. Return all of them."""
    events: list[Published] = []
    while fresh := await service.published():
        events += fresh
        own = [event for event in fresh if event.type.startswith("interactions.case_")]
        await service.deliver(
            [{"id": each.id, "type": each.type, "key": each.subject, "data": each.data} for each in own]
        )
    return events


async def routed_case(service: ServiceUnderTest, customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Open a request, let routing follow, and return the case as it is then."""
    case = await opened(service, customer_id, **{"kind": "request", **fields})
    await followed(service)
    return await case_of(service, case["id"])


async def case_of(service: ServiceUnderTest, id: str) -> dict[str, Any]:
    """Return a case."""
    return dict((await service.get(f"/v1/cases/{id}")).json())


async def routing_of(service: ServiceUnderTest, id: str) -> dict[str, Any]:
    """Return the routing of a case."""
    response = await service.get(f"/v1/cases/{id}/routing")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def waiting_in(service: ServiceUnderTest, queue: dict[str, Any]) -> list[str]:
    """Return the cases that wait in a queue, in order."""
    response = await service.get(f"/v1/queues/{queue['id']}/cases")
    return [item["case_id"] for item in response.json()["items"]]
