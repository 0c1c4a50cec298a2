"""Agents and queues for tests."""

from typing import Any

from tests.support.service import ServiceUnderTest


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
