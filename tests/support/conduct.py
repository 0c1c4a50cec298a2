"""Conduct incidents for tests."""

from typing import Any

from chassis.types.ids import uuid7


def an_incident(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/conduct-incidents."""
    body = {
        "customer_id": str(customer_id or uuid7()),
        "kind": "threat",
        "severity": "high",
        "occurred_at": "2026-02-01T10:00:00Z",
        "description": "Threatened an employee.",
    }
    return body | fields
