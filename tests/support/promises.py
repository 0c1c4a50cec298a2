"""Promises for tests: bodies, and a sandbox whose clock passes their due times."""

from datetime import datetime, timedelta
from typing import Any

from chassis.types.ids import uuid7
from tests.support.service import Published, ServiceUnderTest

CLOCK = "2026-03-01T10:00:00Z"


def a_promise(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/promises. It is due two days after the clock of the sandbox."""
    body = {
        "customer_id": str(customer_id or uuid7()),
        "made_by_id": "agent-7",
        "what": "A technician calls.",
        "owner_id": "agent-9",
        "team": "repairs",
    }
    due = {} if "by_when" in fields else {"due_at": "2026-03-03T10:00:00Z"}
    return body | due | fields


def an_open_promise(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/promises. It is due in a distant future."""
    return a_promise(customer_id, due_at="2199-01-01T00:00:00Z", **fields)


async def a_sandbox(service: ServiceUnderTest) -> ServiceUnderTest:
    """Return the service for a sandbox with a frozen clock."""
    return await service.for_new_tenant(kind="sandbox", clock_at=CLOCK, clock_runs_since=None)


async def later(sandbox: ServiceUnderTest, **duration: float) -> ServiceUnderTest:
    """Return the service for the same sandbox with a later clock. No periodic task has run."""
    at: datetime = sandbox.tenant.now() + timedelta(**duration)
    return sandbox.for_tenant(sandbox.tenant.model_copy(update={"clock_at": at}))


async def created(service: ServiceUnderTest, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a record and return it."""
    response = await service.post(path, body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def events_of(service: ServiceUnderTest, *names: str) -> list[Published]:
    """Remove the tenant's events from the outbox and return those with these names."""
    types = {f"interactions.{name}.v1" for name in names}
    return [event for event in await service.published() if event.type in types]
