"""Cases for tests: bodies, and the steps of a complaint."""

from typing import Any

from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest

TO_A_DECISION: tuple[dict[str, Any], ...] = (
    {"state": "acknowledged"},
    {"state": "assessed", "severity": "high"},
    {"state": "investigating"},
    {"state": "decision_communicated", "cause": "delay", "decision": "upheld", "remedy": "refund"},
)
"""The transitions of a complaint from its receipt to the decision."""


def a_case(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/cases."""
    body = {"customer_id": str(customer_id or uuid7()), "kind": "complaint", "subject": "The kettle is late"}
    return body | {"channel": "phone"} | fields


async def opened(service: ServiceUnderTest, customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Open a case and return it."""
    response = await service.post("/v1/cases", a_case(customer_id, **fields))
    assert response.status_code == 201, response.text
    return dict(response.json())


async def moved(service: ServiceUnderTest, id: str, *steps: dict[str, Any] | str) -> dict[str, Any]:
    """Move a case through states, and return it."""
    case: dict[str, Any] = {}
    for step in steps:
        body = {"state": step} if isinstance(step, str) else step
        response = await service.post(f"/v1/cases/{id}/transitions", body)
        assert response.status_code == 200, response.text
        case = response.json()
    return case


async def written(service: ServiceUnderTest, id: str, body: str = "Where is it?", **fields: Any) -> dict[str, Any]:
    """Add a message to a case and return it."""
    response = await service.post(f"/v1/cases/{id}/messages", {"body": body, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())
