"""Tasks for tests."""

from typing import Any


def a_task(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/tasks."""
    customer = {"customer_id": str(customer_id)} if customer_id else {}
    return {"title": "Call about the kettle", "team": "repairs"} | customer | fields
